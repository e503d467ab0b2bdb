"""What stars say, in the reader's language, in answers, pages and mails alike."""

from mailers.letters.sentences import STARS_IN_WORDS, stars_in_words

QUERY = "{ reviews(first: 9, orderBy: HIGHEST) { nodes { rating starsInWords } } }"


async def test_stars_are_told_in_the_readers_language(review, client):
    for stars in (1, 5):
        await review(f"ORDER-{stars}", rating=stars)

    async def said(language):
        answer = await client.post(
            "/graphql", json={"query": QUERY}, headers={"Accept-Language": language}
        )
        nodes = answer.json()["data"]["reviews"]["nodes"]
        return [node["starsInWords"] for node in nodes]

    # The same document, kept and compiled, in one language after the other.
    for _ in range(2):
        assert await said("en") == ["Excellent, exceeded expectations", "Poor, major problems"]
        assert await said("de-CH") == [
            "Ausgezeichnet, Erwartungen übertroffen",
            "Schlecht, große Probleme",
        ]


def test_each_number_has_words_of_its_own():
    for language in ("en", "de"):
        words = [stars_in_words(stars, language) for stars in range(1, 6)]
        assert len({*words}) == 5 == len(STARS_IN_WORDS)

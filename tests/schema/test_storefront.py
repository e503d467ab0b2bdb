"""The query of a storefront's page: a service, its rating, and its first reviews."""

import orjson
import pytest

from models import base64url

PAGE = """
query ($ref: NodeRef!, $first: Int, $after: String, $filter: ReviewFilter) {
  service(ref: $ref) {
    id title url vendor { externalId }
    ratingSummary { count average }
    reviews(first: $first, after: $after, filter: $filter) {
      totalCount pageInfo { hasNextPage endCursor } nodes { body service { id title } }
    }
  }
}"""


async def test_a_service_without_reviews_has_an_empty_page(feed, nobody):
    await feed("ORDER-1")

    page = (await nobody.ask(PAGE, ref={"externalId": "LOGO"}))["service"]

    assert page["title"] == "A logo"
    assert page["ratingSummary"] == {"count": 0, "average": None}
    assert page["reviews"]["totalCount"] == 0
    assert page["reviews"]["nodes"] == []
    assert (await nobody.ask(PAGE, ref={"id": page["id"]}))["service"] == page


async def test_an_unknown_service_is_null(nobody, app):
    assert await nobody.ask(PAGE, ref={"externalId": "NOTHING"}) == {"service": None}


async def test_a_filtered_page_and_its_total_fit(review, nobody):
    for number, rating in enumerate((5, 3, 5)):
        await review(f"ORDER-{number}", rating=rating, body=f"Review number {number}.")

    page = (await nobody.ask(PAGE, ref={"externalId": "LOGO"}, filter={"rating": 5}, first=1))[
        "service"
    ]
    after = page["reviews"]["pageInfo"]["endCursor"]
    second = await nobody.ask(
        PAGE, ref={"externalId": "LOGO"}, filter={"rating": 5}, first=1, after=after
    )

    assert page["ratingSummary"]["count"] == 3
    assert page["reviews"]["totalCount"] == 2
    assert [node["body"] for node in page["reviews"]["nodes"]] == ["Review number 2."]
    assert [n["body"] for n in second["service"]["reviews"]["nodes"]] == ["Review number 0."]
    assert second["service"]["reviews"]["pageInfo"]["hasNextPage"] is False


async def test_a_bad_cursor_spoils_the_page_of_reviews_alone(feed, nobody):
    await feed("ORDER-1")
    query = (
        """{ service(ref: {externalId: "LOGO"}) { title reviews(after: "x") { nodes { id } } } }"""
    )

    answer = (await nobody.send(query)).json()

    assert answer["errors"][0]["extensions"] == {"code": "INVALID", "field": ["after"]}
    assert answer["errors"][0]["path"] == ["service", "reviews"]


@pytest.mark.parametrize("order", ["HIGHEST", "LOWEST", "MOST_HELPFUL"])
async def test_a_cursor_with_a_number_that_no_row_has_is_refused(review, nobody, order):
    await review("ORDER-1")
    for number in (2**15, 2**31, -(2**40)):
        forged = [order, number, "2026-01-01T00:00:00+00:00", "0" * 32]
        after = base64url.encode(orjson.dumps(forged))
        query = f'{{ service(ref: {{externalId: "LOGO"}}) {{ reviews(after: "{after}", orderBy: {order}) {{ totalCount }} }} }}'

        answer = (await nobody.send(query)).json()

        codes = {error["extensions"]["code"] for error in answer.get("errors", [])}
        assert codes <= {"INVALID"}, answer
        assert bool(codes) is (abs(number) >= 2**31 or order == "HIGHEST")

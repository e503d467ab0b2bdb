"""The page that storefronts ask for: a service, its rating, and its first reviews."""

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

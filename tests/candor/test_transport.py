"""GraphQL over HTTP: shapes, media types, methods and statuses."""

import json

import pytest


@pytest.fixture
def database(sqlite_database) -> str:
    """One database is enough: what is tested here stores nothing."""
    return sqlite_database


JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
QUERY = {"query": "{ __typename }"}


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}, {JSON};q=0.9", GRAPHQL),
        (f"{JSON}, {GRAPHQL};q=0.9", JSON),
        (f"{GRAPHQL};q=0, {JSON}", JSON),
        (f"text/html, {JSON.upper()};q=0.1", JSON),
        (f"{GRAPHQL};charset=utf-8", GRAPHQL),
    ],
)
async def test_the_answer_comes_in_the_requested_media_type(post, accept, media_type):
    answer = await post(QUERY, **({"Accept": accept} if accept else {"Accept": ""}))

    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["data"] == {"__typename": "Query"}


@pytest.mark.parametrize(
    ("body", "strict", "lax", "code"),
    [
        ({"query": "{"}, 400, 200, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ nope }"}, 400, 200, "GRAPHQL_VALIDATION_FAILED"),
        (
            {"query": "query($n: Int!) { reviews(first: $n) { totalCount } }"},
            400,
            200,
            "BAD_USER_INPUT",
        ),
        (
            {
                "query": "query($n: Int!) { reviews(first: $n) { totalCount } }",
                "variables": {"n": "x"},
            },
            400,
            200,
            "BAD_USER_INPUT",
        ),
        (
            {"query": "query A { __typename } query B { __typename }"},
            400,
            200,
            "OPERATION_NAME_REQUIRED",
        ),
        (
            {"query": "query A { __typename }", "operationName": "C"},
            400,
            200,
            "OPERATION_NOT_FOUND",
        ),
        (
            {"query": "subscription { reviewPublished { id } }"},
            400,
            200,
            "SUBSCRIPTION_NEEDS_STREAM",
        ),
        ({"query": "fragment F on Query { __typename }"}, 400, 200, "GRAPHQL_VALIDATION_FAILED"),
        ({}, 400, 400, "BAD_REQUEST"),
        ([QUERY], 400, 400, "BAD_REQUEST"),
        (5, 400, 400, "BAD_REQUEST"),
        (None, 400, 400, "BAD_REQUEST"),
        ("{ __typename }", 400, 400, "BAD_REQUEST"),
        ({"query": ""}, 400, 400, "BAD_REQUEST"),
        ({"query": 5}, 400, 400, "BAD_REQUEST"),
        ({"query": {"obj": 1}}, 400, 400, "BAD_REQUEST"),
        (QUERY | {"variables": []}, 400, 400, "BAD_REQUEST"),
        (QUERY | {"variables": "{}"}, 400, 400, "BAD_REQUEST"),
        (QUERY | {"operationName": 5}, 400, 400, "BAD_REQUEST"),
        (QUERY | {"extensions": 5}, 400, 400, "BAD_REQUEST"),
        (b"", 400, 400, "BAD_REQUEST"),
        (b"not json", 400, 400, "BAD_REQUEST"),
        (b'{"query": "\xff"}', 400, 400, "BAD_REQUEST"),
        (b'{"query": "{ __typename }", "variables": {"a": NaN}}', 400, 400, "BAD_REQUEST"),
        (b"[" * 5000, 400, 400, "BAD_REQUEST"),
        (b"[" * 900 + b"]" * 900, 400, 400, "BAD_REQUEST"),
        (
            b'{"query": "{ __typename }", "variables": {"a": ' + b"[" * 100 + b"]" * 100 + b"}}",
            400,
            400,
            "BAD_REQUEST",
        ),
    ],
)
async def test_a_request_that_cannot_be_executed_has_a_status_and_a_code(
    post, body, strict, lax, code
):
    for accept, status in ((GRAPHQL, strict), (JSON, lax)):
        answer = await post(body, Accept=accept)

        assert answer.status_code == status
        assert answer.headers["content-type"] == f"{accept}; charset=utf-8"
        assert answer.json()["errors"][0]["extensions"]["code"] == code
        assert "data" not in answer.json()


async def test_nulls_are_as_good_as_absence(post):
    answer = await post(QUERY | {"variables": None, "operationName": None, "extensions": None})

    assert answer.json()["data"] == {"__typename": "Query"}


async def test_an_operation_is_chosen_by_its_name(post):
    answer = await post(
        {"query": "query A { a: __typename } query B { b: __typename }", "operationName": "B"}
    )

    assert answer.json()["data"] == {"b": "Query"}


async def test_other_methods_are_refused_with_those_that_work(client):
    for method in ("PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"):
        answer = await client.request(method, "/graphql")

        assert answer.status_code == 405
        assert answer.headers["allow"] == "GET, POST"
        if method != "HEAD":
            assert answer.json()["errors"][0]["extensions"]["code"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": ""},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_bodies_are_json_in_utf_8_or_refused(client, headers):
    answer = await client.post("/graphql", content=json.dumps(QUERY), headers=headers)

    assert answer.status_code == 415
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNSUPPORTED_MEDIA_TYPE"


async def test_an_unknown_media_type_is_406(post):
    for accept in ("text/html", "application/xml, image/*", f"{JSON};q=0"):
        answer = await post(QUERY, Accept=accept)

        assert answer.status_code == 406
        assert answer.json()["errors"][0]["extensions"]["code"] == "NOT_ACCEPTABLE"


async def test_a_large_body_is_refused_by_its_content_length_and_while_it_is_read(client):
    async def trickle():
        for _ in range(250):
            yield b" " * 1_000
        raise AssertionError("nobody reads that far")

    announced = await client.post(
        "/graphql", content=b" " * 200_001, headers={"Content-Type": JSON}
    )
    streamed = await client.post("/graphql", content=trickle(), headers={"Content-Type": JSON})

    for answer in (announced, streamed):
        assert answer.status_code == 413
        assert answer.json()["errors"][0]["extensions"] == {
            "code": "BODY_TOO_LARGE",
            "max": 200_000,
        }


async def test_queries_can_be_sent_by_get(client):
    answer = await client.get(
        "/graphql",
        params={
            "query": "query A($n: Int!) { reviews(first: $n) { totalCount } }",
            "variables": '{"n": 1}',
            "operationName": "A",
            "extensions": "{}",
        },
    )

    assert answer.status_code == 200
    assert answer.json()["data"] == {"reviews": {"totalCount": 0}}


async def test_a_mutation_by_get_is_refused_and_does_nothing(client, maria, review, stored):
    written = await review()
    before = await stored()
    mutation = f'mutation {{ voteHelpful(input: {{reviewId: "{written["id"]}"}}) {{ errors {{ code }} }} }}'

    answer = await client.get("/graphql", params={"query": mutation})

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert await stored() == before


@pytest.mark.parametrize("variables", ["[]", "5", "{", '"x"'])
async def test_a_get_with_odd_variables_is_refused(client, variables):
    answer = await client.get(
        "/graphql", params={"query": "{ __typename }", "variables": variables}
    )

    assert answer.status_code == 400


async def test_a_page_of_another_site_cannot_make_a_browser_get_us(client):
    params = {"query": "{ __typename }"}
    for site, status in (
        ("cross-site", 403),
        ("same-site", 403),
        ("same-origin", 200),
        ("none", 200),
    ):
        answer = await client.get("/graphql", params=params, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == status, site
    refused = await client.get("/graphql", params=params, headers={"Sec-Fetch-Site": "cross-site"})
    assert refused.json()["errors"][0]["extensions"]["code"] == "CSRF_PREVENTED"

    for header in ("GraphQL-Require-Preflight", "Apollo-Require-Preflight"):
        asked = {"Sec-Fetch-Site": "cross-site", header: "1"}
        assert (await client.get("/graphql", params=params, headers=asked)).status_code == 200


async def test_a_bad_token_is_401_before_anything_is_read(post):
    for body in (QUERY, b"not json"):
        answer = await post(body, Authorization="Bearer nonsense")

        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_apollos_persisted_queries_fall_back_to_full_ones(post):
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": "abc"}}

    first = await post({"extensions": extensions})
    second = await post(QUERY | {"extensions": extensions})

    assert first.json()["errors"][0]["message"] == "PersistedQueryNotSupported"
    assert first.json()["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_SUPPORTED"
    assert second.json()["data"] == {"__typename": "Query"}


async def test_unknown_addresses_answer_in_json(client):
    answer = await client.get("/nowhere")

    assert answer.status_code == 404
    assert answer.json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_every_answer_has_an_id_and_keeps_a_plain_one(post):
    assert len((await post(QUERY)).headers["x-request-id"]) == 16
    assert (await post(QUERY, X_Request_ID="shop-7")).headers["x-request-id"] == "shop-7"
    assert (await post(QUERY, X_Request_ID="a b\tc")).headers["x-request-id"] != "a b\tc"

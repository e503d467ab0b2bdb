"""Invalid input gets a clear error with a code, and nothing is half done."""

import base64

import orjson
import pytest

VALUES = {
    "0": "RATING_OUT_OF_RANGE",
    "6": "RATING_OUT_OF_RANGE",
    "-1": "RATING_OUT_OF_RANGE",
    "2147483648": "BAD_USER_INPUT",
    "4.5": "BAD_USER_INPUT",
    '"5"': "BAD_USER_INPUT",
    "null": "BAD_USER_INPUT",
    "true": "BAD_USER_INPUT",
}


async def test_a_rating_is_a_whole_number_from_1_to_5(feed, maria, stored):
    await feed()
    before = await stored()
    for value in VALUES:
        await _try_rating(maria, value)
    assert await stored() == before


async def _try_rating(maria, value):
    mutation = "mutation($input: CreateReviewInput!) { createReview(input: $input) { review { id } errors { code field } } }"  # fmt: skip
    given = {
        "order": {"externalId": "ORDER-1"},
        "rating": orjson.loads(value),
        "body": "Very good work.",
    }

    answer = (await maria.send(mutation, {"input": given})).json()

    if VALUES[value] == "RATING_OUT_OF_RANGE":
        assert answer["data"]["createReview"] == {
            "review": None,
            "errors": [{"code": VALUES[value], "field": ["input", "rating"]}],
        }
    else:
        assert [error["extensions"]["code"] for error in answer["errors"]] == [VALUES[value]]


async def test_a_sub_rating_is_a_whole_number_from_1_to_5(feed, maria, stored):
    await feed()
    before = await stored()
    given = {"order": {"externalId": "ORDER-1"}, "rating": 5, "body": "Very good work."}

    for name in ("communication", "quality", "value"):
        for stars in (0, 6):
            payload = await maria.do("createReview", **given, **{name: stars})
            assert [(e["code"], e["field"]) for e in payload["errors"]] == [
                ("RATING_OUT_OF_RANGE", ["input", name])
            ]

    assert await stored() == before


def _cursor(*parts):
    return base64.urlsafe_b64encode(orjson.dumps(list(parts))).decode().rstrip("=")


NO_ID = "0" * 32
CURSORS = [
    "x",
    "é",
    "\x00",
    "====",
    _cursor(),
    _cursor("NEWEST"),
    _cursor("HIGHEST", 5, "2026-01-01T00:00:00+00:00", NO_ID),
    _cursor("NEWEST", "2026-01-01T00:00:00", NO_ID),
    _cursor("NEWEST", "0001-01-01T00:00:00+14:00", NO_ID),
    _cursor("NEWEST", "9999-12-31T23:59:59-14:00", NO_ID),
    _cursor("NEWEST", "2026-01-01T00:00:00+00:00", "no id"),
    _cursor("NEWEST", "2026-01-01T00:00:00+00:00", 5),
    _cursor("NEWEST", None, NO_ID),
    _cursor("NEWEST", 5, NO_ID),
    _cursor("NEWEST", {"a": 1}, [2]),
    base64.urlsafe_b64encode(b"5").decode(),
    base64.urlsafe_b64encode(b'{"a": 1}').decode(),
    base64.urlsafe_b64encode(b"[" * 5000).decode(),
]


async def test_a_bad_cursor_is_invalid_in_every_list(nobody, ada, review):
    await review()
    lists = {
        "reviews": "{{ reviews({}) {{ nodes {{ id }} }} }}",
        "services": '{{ service(ref: {{externalId: "LOGO"}}) {{ reviews({}) {{ nodes {{ id }} }} }} }}',
        "vendors": '{{ vendor(ref: {{externalId: "NINA"}}) {{ services(orderBy: NEWEST, {}) {{ nodes {{ id }} }} }} }}',
        "notices": "{{ viewer {{ notifications({}) {{ nodes {{ id }} }} }} }}",
    }

    for query in lists.values():
        for name in ("after", "before"):
            for cursor in CURSORS:
                argument = f"{name}: {orjson.dumps(cursor).decode()}"
                assert (cursor, await ada.refused(query.format(argument))) == (cursor, ["INVALID"])


@pytest.mark.parametrize(
    "terms",
    [
        ("TITLE", "a\x00b", NO_ID),
        ("TITLE", 5, NO_ID),
        ("RANKING", 3, 0, 2**40, NO_ID),
        ("RANKING", 3, True, 0, NO_ID),
        ("RANKING", "3", 0, 0, NO_ID),
    ],
)
async def test_a_made_up_cursor_of_services_is_invalid(nobody, feed, terms):
    await feed()

    codes = await nobody.refused(
        "query($after: String) { services(orderBy: %s, after: $after) { nodes { id } } }"
        % terms[0],
        after=_cursor(*terms),
    )

    assert codes == ["INVALID"]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ("first: -1", "first"),
        ("first: 101", "first"),
        ("last: -1", "last"),
        ("last: 101", "last"),
        ("first: 1, last: 1", "last"),
        ("page: 0", "page"),
        ("page: -1", "page"),
        ("page: 2147483647", "page"),
        ("page: 2, last: 5", "page"),
        ('page: 1, after: "x"', "page"),
        ('page: 1, before: "x"', "page"),
    ],
)
async def test_a_page_that_cannot_be_is_invalid(nobody, arguments, field):
    answer = (await nobody.send(f"{{ reviews({arguments}) {{ nodes {{ id }} }} }}")).json()

    assert [(e["extensions"]["code"], e["extensions"]["field"]) for e in answer["errors"]] == [
        ("INVALID", [field])
    ]


STRANGE = ["", " ", "\x00", "a\x00b", "\u202e", "x" * 5000, "';--", "%", "ORDER-1\n", "💩"]


async def test_a_strange_name_of_a_thing_finds_nothing_and_breaks_nothing(
    review, maria, ada, nobody, stored
):
    await review()
    before = await stored()
    for external_id in STRANGE:
        await _try_name(external_id, maria, ada, nobody)
    assert await stored() == before


async def _try_name(external_id, maria, ada, nobody):
    query = """query($ref: NodeRef!) {
      service(ref: $ref) { id } vendor(ref: $ref) { id } order(ref: $ref) { id }
      reviews(filter: {service: $ref}) { totalCount nodes { id } }
      services(filter: {vendor: $ref}) { totalCount nodes { id } }
      reviewEligibility(order: $ref) { reason } }"""

    for person in (maria, ada):
        answer = await person.ask(query, ref={"externalId": external_id})
        assert answer == {
            "service": None,
            "vendor": None,
            "order": None,
            "reviews": {"totalCount": 0, "nodes": []},
            "services": {"totalCount": 0, "nodes": []},
            "reviewEligibility": {"reason": "ORDER_NOT_FOUND"},
        }
    payload = await maria.do("createReview", order={"externalId": external_id}, rating=5, body="Very good work.")  # fmt: skip

    assert [error["code"] for error in payload["errors"]] == ["NOT_FOUND"]
    rated = await nobody.ask(
        "query($ref: NodeRef!) { ratingSummaries(services: [$ref]) { count } }",
        ref={"externalId": external_id},
    )

    assert rated == {"ratingSummaries": [{"count": 0}]}


@pytest.mark.parametrize(
    "search", ["", "\x00", "%", "_", "\\", "'", "\u202e", "💩" * 200, "\ufdfa"]
)
async def test_a_strange_search_is_answered(search, review, nobody):
    await review(body="Nothing of that sort.")
    query = "query($s: String) { reviews(filter: {search: $s}) { totalCount nodes { id } } services(filter: {search: $s}) { totalCount nodes { id } } }"

    answer = await nobody.ask(query, s=search)

    expected = 1 if search in {"", "\x00", "\u202e"} else 0
    assert answer["reviews"]["totalCount"] == len(answer["reviews"]["nodes"]) == expected
    assert answer["services"]["totalCount"] == len(answer["services"]["nodes"]) == expected


@pytest.mark.parametrize("search", ["x" * 201, "\ufdfa" * 12])
async def test_a_search_has_200_characters_at_most(search, nobody):
    for field in ("reviews", "services"):
        query = "query($s: String) { %s(filter: {search: $s}) { totalCount } }" % field
        assert await nobody.refused(query, s=search) == ["INVALID"]


@pytest.mark.parametrize("name", ["createdAfter", "createdBefore"])
@pytest.mark.parametrize("value", ["2026-01-01", "2026-01-01T00:00:00", "now", "", "0001-01-01T00:00:00+14:00"])  # fmt: skip
async def test_an_instant_without_an_offset_is_invalid(name, value, nobody):
    answer = (
        await nobody.send(
            "query($f: ReviewFilter) { reviews(filter: $f) { nodes { id } } }", {"f": {name: value}}
        )
    ).json()

    assert answer["errors"][0]["extensions"] == {"code": "INVALID", "field": ["filter", name]}


@pytest.mark.parametrize(
    "ref", [{}, {"id": None}, {"id": "a", "externalId": "b"}, {"externalId": None}]
)
async def test_a_thing_is_named_in_exactly_one_way(ref, nobody):
    assert await nobody.refused("query($r: NodeRef!) { service(ref: $r) { id } }", r=ref) == [
        "BAD_USER_INPUT"
    ]


async def test_more_than_100_things_at_once_are_refused(nobody, feed):
    await feed()
    id = (await nobody.ask('{ service(ref: {externalId: "LOGO"}) { id } }'))["service"]["id"]

    nodes = await nobody.refused("query($i: [ID!]!) { nodes(ids: $i) { id } }", i=[id] * 101)
    ratings = await nobody.refused("query($r: [NodeRef!]) { ratingSummaries(services: $r) { count } }", r=[{"id": id}] * 101)  # fmt: skip
    fine = await nobody.ask("query($i: [ID!]!) { nodes(ids: $i) { id } }", i=[id] * 100)

    assert (nodes, ratings) == (["INVALID"], ["INVALID"])
    assert fine["nodes"] == [{"id": id}] * 100
    payload = await nobody.refused('{ nodes(ids: ["nonsense"]) { id } }')
    assert payload == ["INVALID"]


@pytest.mark.parametrize("surrogate", [b"\\ud800", b"\\udc00x"])
async def test_a_lone_surrogate_in_json_is_refused_before_any_query(
    client, maria, feed, stored, surrogate
):
    await feed()
    before = await stored()
    body = b'{"query": "mutation($b: String!) { createReview(input: {order: {externalId: \\"ORDER-1\\"}, rating: 5, body: $b}) { errors { code } } }", "variables": {"b": "Very good work ' + surrogate + b'"}}'  # fmt: skip

    response = await client.post("/graphql", content=body, headers={"Authorization": f"Bearer {maria.token}", "Content-Type": "application/json"})  # fmt: skip

    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert await stored() == before

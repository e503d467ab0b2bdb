"""Bugs are masked by an id, and logs contain no personal data."""

import json
import logging

import pytest

from candor.operating.logs import _Json, scrubbed


@pytest.fixture
def database(sqlite_database) -> str:
    """One database is enough: what is tested here stores nothing."""
    return sqlite_database


SECRET = "postgres://u:p@db/x maria@example.com 'a literal'"


@pytest.fixture
def broken(monkeypatch):
    """Break the field `settings` with an exception that holds secrets."""

    def fail(*_args, **_kwargs):
        raise RuntimeError(SECRET) from ValueError(SECRET)

    monkeypatch.setattr("resolvers.site_settings.current", fail)


async def test_a_bug_is_masked_and_logged_once_under_the_same_id(post, broken, caplog):
    answer = (await post({"query": "{ __typename settings { siteName } }"})).json()

    error = answer["errors"][0]
    assert error["message"] == "Something went wrong on our side."
    assert error["path"] == ["settings"]
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert answer["data"] is None
    logged = [r for r in caplog.records if error["extensions"]["errorId"] in r.getMessage()]
    assert len(logged) == 1
    assert "builtins.RuntimeError" in logged[0].getMessage()
    assert "builtins.ValueError" in logged[0].getMessage()
    assert "test_errors.py" in logged[0].getMessage()


async def test_no_log_line_holds_literals_tokens_or_addresses(post, broken, caplog, maria, client):
    caplog.set_level(logging.DEBUG, logger="candor")
    # The failing field cancels its sibling, which must not be opening the database then.
    await post({"query": "{ reviews { totalCount } }"})
    variables = {"n": "a variable's value"}
    for query in (
        'query($n: String!) { settings { siteName } order(ref: {externalId: $n}) { id } s: service(ref: {externalId: "a literal"}) { id } }',
        'query { nope(a: "a literal") }',
        'query { "a literal',
    ):
        await post({"query": query, "variables": variables}, Authorization=f"Bearer {maria.token}")
    await client.get("/graphql", params={"query": '{ nope(a: "a literal") }'})
    await client.get("/r/the-token-of-a-link")

    lines = "\n".join(_Json().format(record) for record in caplog.records)
    assert "RuntimeError" in lines
    for secret in ("literal", "postgres", "variable's", "maria@", maria.token, "the-token"):
        assert secret not in lines


async def test_a_refused_query_is_no_bug(nobody, caplog):
    codes = await nobody.refused('{ node(id: "x") { id } }')

    assert codes == ["INVALID"]
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR]


async def test_a_wrong_argument_is_the_users(code):
    error_code, error = await code(
        "query($n: Int!) { reviews(first: $n) { totalCount } }", {"n": "x"}
    )

    assert error_code == "BAD_USER_INPUT"
    assert "Int cannot represent" in error["message"]


async def test_a_message_never_echoes_a_whole_document(code):
    _, error = await code("{ reviews(first: " + "9" * 5_000 + ") { totalCount } }")

    assert len(error["message"]) == 1_001


def test_a_log_line_is_json_with_its_request_and_without_secrets():
    record = logging.LogRecord("x", logging.INFO, "f", 1, "to %s", ("maria@example.com",), None)
    record.cost = 7

    event = json.loads(_Json().format(record))

    assert (event["message"], event["level"], event["cost"]) == ("to ***", "info", 7)
    assert event["request_id"] == "-"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("mail to maria.s@mail.example.com failed", "mail to *** failed"),
        ("GET /r/abc-DEF_1?x=1", "GET /r/***"),
        ("GET /u/abc", "GET /u/***"),
        ("POST /unsubscribe/abc", "POST /unsubscribe/***"),
        ("Bearer eyJhbGciOi.eyJzdWIi.sig-x", "Bearer ***"),
        ("key candor_0123456789abcdefXYZ", "key ***"),
        ("nothing to hide: 3 @ 4", "nothing to hide: 3 @ 4"),
    ],
)
def test_text_is_scrubbed(text, clean):
    assert scrubbed(text) == clean

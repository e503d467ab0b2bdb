"""docs/errors.md lists exactly the errors of the code."""

import ast
import importlib
import pkgutil
import re
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

import candor
from candor.callers.body_limits import MAX_BODY, MAX_TEXT
from candor.errors import EventsMissed, Outage, Rejected, RequestError, TooSlow, ValidationFailed
from candor.http import websocket
from candor.http.live_connections import MAX_STREAMS, MAX_STREAMS_OF_ONE
from candor.server.connections import BODY_SECONDS, HEADER_SECONDS
from candor.server.http_connection import MAX_FIELDS, MAX_HEADER
from resolvers.errors import DatabaseUnavailable, OutcomeUnknown
from schema.outcome_queries import OUTCOME_QUERIES, REPEATABLE
from tests.candor.real_server import start

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "errors.md").read_text()
PLAIN = " ".join(TEXT.split())
CODE = re.compile(r"[A-Z]{3,}(?:_[A-Z]+)*")
# The documented status where it depends on the media type that the client accepts.
BY_TYPE = {200, 400}
# Base classes, and classes with the code of another.
ABSTRACT = {RequestError, ValidationFailed, Rejected, Outage}
# They end streams, and have no status.
OF_STREAMS = {TooSlow, EventsMissed}
# An outage takes its code from the refusal.
OF_OUTAGES = {each.code for each in (DatabaseUnavailable, OutcomeUnknown)}
# Codes that uvicorn and its library send: for a message that is too large, an unanswered ping.
OF_THE_LIBRARY = {1009, 1011}


def classes(cls=RequestError):
    for module in pkgutil.walk_packages(candor.__path__, "candor."):
        importlib.import_module(module.name)
    for subclass in cls.__subclasses__():
        yield subclass
        yield from classes(subclass)


def rows(heading):
    """The first two cells of a table's rows."""
    section = TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `?(\w+)`? \| (.*?) \|", section, re.MULTILINE)[1:]


def strings(module):
    tree = ast.parse((ROOT / "candor" / module).read_text())
    return [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and type(n.value) is str]


def documented():
    return {code: set(map(int, re.findall(r"\d{3}", status))) for code, status in rows("Codes of requests")}  # fmt: skip


def test_each_code_of_a_refusal_is_documented_with_its_statuses():
    said: dict[str, set[int]] = {}
    for each in set(classes()) - ABSTRACT - OF_STREAMS:
        statuses = BY_TYPE if each.status is None else {each.status}
        said.setdefault(each.code, set()).update(statuses)
    known = documented()

    assert len(said) > 20
    assert {code: known.get(code) for code in said} == said
    assert [known[each.code] for each in OF_STREAMS] == [set(), set()]
    assert {code: known[code] for code in OF_OUTAGES} == dict.fromkeys(OF_OUTAGES, {Outage.status})


def test_each_code_without_a_class_is_documented_and_no_other():
    """Codes of graphql-core, bugs and addresses are literals in the code."""
    literal = {text for name in ("errors.py", "masking.py", "app.py") for text in strings(name) if CODE.fullmatch(text)}  # fmt: skip
    of_classes = {each.code for each in set(classes()) - {Rejected}}

    assert {"GRAPHQL_PARSE_FAILED", "BAD_USER_INPUT", "NOT_FOUND"} <= literal
    assert set(documented()) == literal | of_classes | OF_OUTAGES


def test_each_status_is_documented_and_no_other():
    of_codes = set().union(*documented().values())

    assert {int(status) for status, _ in rows("Statuses")} == of_codes | {200}


def test_each_code_of_a_closed_socket_is_documented_and_no_other():
    found = set()
    for name in ("http/websocket.py", "server/websocket_connection.py", "http/endpoint.py"):
        tree = ast.parse((ROOT / "candor" / name).read_text())
        numbers = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)]
        found |= {n for n in numbers if type(n) is int and (4400 <= n < 5000 or 1001 <= n < 1016)}
    found -= {1005, 1006}  # no code was sent

    assert {int(code) for code, _ in rows("Codes of closed sockets")} == found | OF_THE_LIBRARY


def test_each_code_of_readiness_is_documented():
    codes = {t for t in strings("operating/health.py") if re.fullmatch(r"[A-Z]+_[A-Z]+", t)}

    assert codes == set(re.findall(r"`([A-Z]+_[A-Z]+)`", TEXT.partition("## Is it up?")[2]))


def test_the_figures_are_those_of_the_code():
    for figure in (
        f"{HEADER_SECONDS:.0f} seconds for its header, {BODY_SECONDS:.0f} for its body",
        f"{MAX_STREAMS_OF_ONE} live connections of one caller, or {MAX_STREAMS:,} of the process",
        f"more than {MAX_HEADER // 1_000} kB of header, or {MAX_FIELDS} headers",
        f"more than {MAX_TEXT:,} bytes, or {MAX_BODY:,} from somebody unknown",
        f"no `connection_init` for {websocket.INIT_SECONDS:.0f} seconds",
        f"more than {websocket.MAX_OPERATIONS} operations at once",
    ):
        assert figure in PLAIN


@pytest.mark.parametrize("size", [MAX_BODY + 1, MAX_TEXT + 1])
async def test_a_message_that_is_too_large_closes_the_socket_as_documented(
    sqlite_database, tmp_path, size
):
    server = await start(sqlite_database, folder=tmp_path, GRACE=1, MAIL_WORKER="off")
    try:
        socket = await (await server.ready()).websocket()
        await socket.send("x" * size)
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    finally:
        await server.kill()

    assert closed.value.rcvd.code == 1009


def test_what_shows_the_outcome_of_each_mutation_is_documented():
    section = TEXT.partition("## When nobody knows what was stored\n")[2].partition("\n## ")[0]
    known = dict(re.findall(r"^\| `(\w+)` \| `(.+)` \|$", section, re.MULTILINE))

    assert known == OUTCOME_QUERIES
    assert all(f"`{name}`" in section.partition("|")[0] for name in REPEATABLE)

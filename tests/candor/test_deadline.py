"""Deadlines: operations stop at the time limit and when clients leave, and leave nothing behind."""

import asyncio
import json
import threading

import pytest
from tortoise.connection import get_connection

from candor.engine.deadline import Deadline, Deadlines, Departed
from candor.errors import OperationTimeout
from models import sql
from models.database import transaction
from tests.waiting import until


class Statement:
    """A statement that runs until a test ends it."""

    def __init__(self) -> None:
        self._runs, self._ends = threading.Event(), threading.Event()

    async def prepare(self) -> None:
        self._runs, self._ends = threading.Event(), threading.Event()
        if not sql.is_postgres():
            for _ in "writer", "reader":  # each is opened at its first use
                await sql.fetch("SELECT 1 AS one")
            client = get_connection("default")
            for connection in (client._connection, *client._readers._opened):
                await connection.create_function("hold", 0, self._hold)

    def _hold(self) -> int:
        """Runs in the thread of SQLite's connection."""
        self._runs.set()
        self._ends.wait(60)
        return 1

    async def run(self) -> None:
        await sql.fetch("SELECT 1 AS one FROM pg_sleep(60)" if sql.is_postgres() else "SELECT hold() AS one")  # fmt: skip

    async def runs(self) -> bool:
        if not sql.is_postgres():
            return self._runs.is_set()
        query = (
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND state = 'active' AND query LIKE '%pg_sleep(60)' AND pid <> pg_backend_pid()"
        )
        return bool(await sql.fetch(query))

    def end(self) -> None:
        """Let it end on SQLite; PostgreSQL cancels it with its client."""
        self._ends.set()


@pytest.fixture
def slow(monkeypatch, app):
    """Make the settings slow to read, inside a transaction or not."""
    statement = Statement()

    def make(*, locked: bool = False) -> Statement:
        async def current():
            if locked:
                async with transaction():
                    await statement.run()
            else:
                await statement.run()

        monkeypatch.setattr("resolvers.site_settings.current", current)
        return statement

    yield make
    statement.end()


@pytest.fixture
def stopped(monkeypatch):
    """The reasons for which operations were stopped, in order."""
    reasons, stop = [], Deadline.stop

    def note(self, reason):
        reasons.append(type(reason))
        stop(self, reason)

    monkeypatch.setattr(Deadline, "stop", note)
    return reasons


async def test_an_operation_that_takes_too_long_is_stopped(another, monkeypatch):
    async def current():
        await asyncio.sleep(5)

    monkeypatch.setattr("resolvers.site_settings.current", current)
    async with another(operation_seconds=0.05) as client:
        answer = await client.post("/graphql", json={"query": "{ settings { siteName } }"})

    assert answer.status_code == 503
    assert answer.json()["errors"][0]["extensions"]["code"] == "OPERATION_TIMEOUT"


async def test_the_time_limit_holds_on_a_socket_too(another, socket, monkeypatch, app, settings):
    async def current():
        await asyncio.sleep(5)

    monkeypatch.setattr("resolvers.site_settings.current", current)
    monkeypatch.setattr("candor.engine.deadline.Deadlines.start", _hasty)
    connection = await socket()
    query = {"query": "{ settings { siteName } }"}
    await connection.say({"id": "1", "type": "subscribe", "payload": query})

    told = await connection.hear()
    assert told["payload"][0]["extensions"]["code"] == "OPERATION_TIMEOUT"


def _hasty(self, receive=None, *, spent=0.0):
    self._seconds = self._pause = 0.05
    return Deadline(self, receive, spent)


@pytest.mark.parametrize("locked", [False, True])
async def test_clients_that_leave_cancel_their_work_and_leak_no_connection(
    app, slow, stopped, client, locked
):
    statement = slow(locked=locked)
    for number in range(5):
        await statement.prepare()
        asking, messages, sent = await _ask(app)
        await until(statement.runs)
        await messages.put({"type": "http.disconnect"})
        await until(lambda number=number: len(stopped) > number)
        await asyncio.wait_for(asking, 10)
        assert sent == []
        statement.end()

    assert stopped == [Departed] * 5

    async with asyncio.timeout(10):
        answer = await client.post("/graphql", json={"query": "{ reviews { totalCount } }"})
    assert answer.json()["data"] == {"reviews": {"totalCount": 0}}
    async with asyncio.timeout(10), transaction():
        await sql.fetch("SELECT 1 AS one")


async def _ask(app) -> tuple[asyncio.Future, asyncio.Queue, list]:
    """Send a request. Gives its task, the messages to it, and the messages from it."""
    messages: asyncio.Queue = asyncio.Queue()
    sent = []

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "query_string": b"",
        "scheme": "http",
        "headers": [(b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1),
    }
    body = json.dumps({"query": "{ settings { siteName } }"}).encode()
    await messages.put({"type": "http.request", "body": body})
    return asyncio.ensure_future(app(scope, messages.get, send)), messages, sent


async def test_a_client_that_leaves_while_it_sends_is_no_error(app, caplog):
    messages: asyncio.Queue = asyncio.Queue()
    sent = []

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "query_string": b"",
        "scheme": "http",
        "headers": [(b"content-type", b"application/json")],
        "client": None,
    }
    await messages.put({"type": "http.request", "body": b'{"que', "more_body": True})
    await messages.put({"type": "http.disconnect"})

    await app(scope, messages.get, send)

    assert sent == []
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_time_limits_hold_in_a_second_loop_too():
    deadlines = Deadlines(0.05)

    async def work(seconds: float) -> None:
        with deadlines.start():
            await asyncio.sleep(seconds)

    asyncio.run(work(0))
    with pytest.raises(OperationTimeout):
        asyncio.run(work(5))

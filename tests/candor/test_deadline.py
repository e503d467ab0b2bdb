"""Time limits, and clients that leave: their work stops, and nothing of it is left behind."""

import asyncio
import json

import pytest

from candor.deadline import Deadline, Deadlines
from candor.errors import OperationTimeout
from models import sql
from models.database import transaction

SLOW = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000000)"
    " SELECT COUNT(*) AS one FROM n",
    "postgres": "SELECT 1 AS one FROM pg_sleep(60)",
}


@pytest.fixture
def slow(monkeypatch, app):
    """Make the settings slow to read, inside a transaction or not."""
    began = asyncio.Event()

    def make(*, locked: bool = False) -> asyncio.Event:
        statement = SLOW["postgres" if sql.is_postgres() else "sqlite"]

        async def current():
            began.set()
            if locked:
                async with transaction():
                    await sql.fetch(statement)
            else:
                await sql.fetch(statement)

        monkeypatch.setattr("resolvers.site_settings.current", current)
        return began

    return make


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
    monkeypatch.setattr("candor.deadline.Deadlines.over", _hasty)
    connection = await socket()
    query = {"query": "{ settings { siteName } }"}
    await connection.say({"id": "1", "type": "subscribe", "payload": query})

    told = await connection.hear()
    assert told["payload"][0]["extensions"]["code"] == "OPERATION_TIMEOUT"


def _hasty(self, receive=None):
    self._seconds = self._pause = 0.05
    return Deadline(self, receive)


@pytest.mark.parametrize("locked", [False, True])
async def test_clients_that_leave_cancel_their_work_and_leak_no_connection(
    app, slow, client, locked
):
    began = slow(locked=locked)
    for _ in range(5):
        began.clear()
        await _ask_and_leave(app, began)

    async with asyncio.timeout(10):
        answer = await client.post("/graphql", json={"query": "{ reviews { totalCount } }"})
    assert answer.json()["data"] == {"reviews": {"totalCount": 0}}
    async with asyncio.timeout(10), transaction():
        await sql.fetch("SELECT 1 AS one")


async def _ask_and_leave(app, began) -> None:
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
    task = asyncio.ensure_future(app(scope, messages.get, send))
    await began.wait()
    await asyncio.sleep(0.07)
    await messages.put({"type": "http.disconnect"})

    await asyncio.wait_for(task, 10)
    assert sent == []


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
        with deadlines.over():
            await asyncio.sleep(seconds)

    asyncio.run(work(0))
    with pytest.raises(OperationTimeout):
        asyncio.run(work(5))

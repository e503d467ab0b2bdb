"""Fixtures for raw requests that no client library would send, and for live connections."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from candor.app import create_app
from tests.candor.postgres_relay import Relay
from tests.candor.random_documents import World
from tests.candor.sameness import seed, world_of

JSON = {"Content-Type": "application/json"}
GRAPHQL = "application/graphql-response+json"
# Uses of keys are written in the background, beside requests.
APART = {"api_key", "tortoise_migrations"}


@pytest.fixture
def post(client):
    """Post a body, as JSON unless it is bytes: `await post({"query": "{ __typename }"})`."""

    async def send(body: Any, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await client.post("/graphql", content=content, headers=JSON | named)

    return send


@pytest.fixture
def code(post):
    """The code of the first error of a query that is expected to be refused, and its error."""

    async def refused(query: str, variables: Any = None, **headers: str) -> tuple[str, Any]:
        answer = (await post({"query": query, "variables": variables}, **headers)).json()
        error = answer["errors"][0]
        return error["extensions"]["code"], error

    return refused


@pytest.fixture
def another(settings):
    """Another application with other settings: `async with another(rate_limits=True) as client`."""

    @asynccontextmanager
    async def start(**changes: Any) -> AsyncIterator[httpx.AsyncClient]:
        application = create_app(replace(settings, **changes))
        async with application.router.lifespan_context(application):
            transport = httpx.ASGITransport(app=application)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://candor.test"
            ) as client:
                yield client

    return start


@dataclass
class Connection:
    """A client's end of an ASGI connection, driven by hand."""

    scope: dict[str, Any]
    to_app: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)
    from_app: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)
    takes: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    events: list[str] = field(default_factory=list)

    def open(self, app: Any) -> "Connection":
        self.takes.set()
        self.task = asyncio.ensure_future(app(self.scope, self.to_app.get, self._send))
        return self

    async def _send(self, message: Any) -> None:
        await self.takes.wait()
        await self.from_app.put(message)

    async def next(self) -> Any:
        async with asyncio.timeout(5):
            return await self.from_app.get()

    async def close(self) -> None:
        kind = "websocket.disconnect" if self.scope["type"] == "websocket" else "http.disconnect"
        await self.to_app.put({"type": kind, "code": 1000})
        self.takes.set()
        async with asyncio.timeout(5):
            await self.task

    # WebSocket
    async def say(self, message: Any) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        await self.to_app.put({"type": "websocket.receive", "text": text})

    async def hear(self) -> Any:
        message = await self.next()
        if message["type"] == "websocket.close":
            return (message["code"], message["reason"])
        return json.loads(message["text"])

    # Server-sent events
    async def event(self) -> tuple[str, Any]:
        if not self.events:
            self.events += (await self.next())["body"].decode().split("\n\n")[:-1]
        name, _, data = self.events.pop(0).partition("\n")
        data = data.removeprefix("data:").strip()
        return name.removeprefix("event: "), json.loads(data) if data else None


def _headers(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


@pytest.fixture
async def socket(app):
    """Open a WebSocket: `socket = await socket(token=maria.token)`."""
    opened: list[Connection] = []

    async def start(
        payload: Any = None,
        *,
        init: bool = True,
        token: str | None = None,
        to: Any = None,
        **headers: str,
    ) -> Connection:
        connection = Connection(
            {
                "type": "websocket",
                "path": "/graphql",
                "raw_path": b"/graphql",
                "query_string": b"",
                "scheme": "ws",
                "headers": _headers({"Host": "candor.test"} | headers),
                "subprotocols": ["graphql-transport-ws"],
                "client": ("127.0.0.1", 1),
            }
        ).open(to or app)
        opened.append(connection)
        await connection.to_app.put({"type": "websocket.connect"})
        connection.accepted = await connection.next()
        if init:
            if token:
                payload = {"Authorization": f"Bearer {token}"}
            await connection.say({"type": "connection_init", "payload": payload})
            connection.ack = await connection.hear()
        return connection

    yield start
    for connection in opened:
        if not connection.task.done():
            await connection.close()


@pytest.fixture
async def events(app):
    """Subscribe by server-sent events: `stream = await events("subscription { … }")`."""
    opened: list[Connection] = []

    async def start(query: str, token: str | None = None) -> Connection:
        headers = JSON | {"Accept": "text/event-stream", "Host": "candor.test"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        connection = Connection(
            {
                "type": "http",
                "method": "POST",
                "path": "/graphql",
                "raw_path": b"/graphql",
                "query_string": b"",
                "scheme": "http",
                "headers": _headers(headers),
                "client": ("127.0.0.1", 1),
            }
        ).open(app)
        opened.append(connection)
        body = json.dumps({"query": query}).encode()
        await connection.to_app.put({"type": "http.request", "body": body, "more_body": False})
        connection.start = await connection.next()
        return connection

    yield start
    for connection in opened:
        if not connection.task.done():
            await connection.close()


@pytest.fixture
async def world(at, review, feed, maria, carl, nina, ada, sam, open_update, solve) -> World:
    """A small marketplace with reviews and updates in every state."""
    await seed(review, feed, maria, carl, nina, ada, sam, open_update, solve)
    return await world_of(ada)


@pytest.fixture
async def relay(postgres_database):
    """PostgreSQL behind a relay."""
    with tempfile.TemporaryDirectory(prefix="candor-", dir="/tmp") as folder:
        between = Relay(postgres_database, Path(folder))
        await between.open()
        yield between
        await between.close()


@pytest.fixture
async def direct(postgres_database):
    """A second connection that bypasses the relay."""
    connection = await asyncpg.connect(postgres_database.replace("postgres", "postgresql", 1))
    yield connection
    await connection.close()


@pytest.fixture
def everything(direct):
    """Everything stored, table by table, read on a connection that bypasses the relay."""

    async def look():
        running = (
            "SELECT COUNT(*) FROM pg_stat_activity WHERE state <> 'idle'"
            " AND datname = current_database() AND pid <> pg_backend_pid()"
        )
        async with asyncio.timeout(10):
            while await direct.fetchval(running):
                await asyncio.sleep(0.01)
        tables = await direct.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {
            name: sorted(map(repr, await direct.fetch(f"SELECT * FROM {name}")))
            for name in {row["tablename"] for row in tables} - APART
        }

    return look

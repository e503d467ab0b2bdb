"""The life of a team on two server processes of one database: who leaves is refused by both."""

import asyncio
import json
import time

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from models import sql
from resolvers import inactive_members
from tests.candor.real_server import SUBSCRIPTION, start
from tests.waiting import until

UPSERT = """mutation($m: [TeamMemberInput!]!) { upsertTeamMembers(input: { members: $m }) {
  results { outcome errors { code } } errors { code } } }"""
WHO = "{ viewer { role } }"
INIT = {"type": "connection_init"}
SUBSCRIBE = {"id": "1", "type": "subscribe", "payload": {"query": SUBSCRIPTION}}


@pytest.fixture
async def servers(database, tmp_path, app):
    """Two processes. The fixtures' own application writes to the same database."""
    running = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        server = await start(database, folder=tmp_path / name, GRACE=1, MAIL_WORKER="off")
        running.append(server)
    for server in running:
        await server.ready()
    yield running
    for server in running:
        await server.kill()


@pytest.fixture
async def ask(servers):
    """The status and the JSON of a request to one of the processes."""
    async with httpx.AsyncClient(timeout=10) as client:

        async def post(server, person, query, **variables):
            answer = await client.post(
                f"http://127.0.0.1:{server.port}/graphql",
                json={"query": query, "variables": variables},
                headers={
                    "Authorization": f"Bearer {person.token}",
                    "Accept": "application/graphql-response+json",
                },
            )
            return answer.status_code, answer.json()

        yield post


async def _socket(server, person):
    socket = await server.websocket(Authorization=f"Bearer {person.token}")
    for message in (INIT, SUBSCRIBE):
        await socket.send(json.dumps(message))
    assert json.loads(await socket.recv())["type"] == "connection_ack"
    return socket


async def _closed(socket):
    """The code with which the server closes it."""
    try:
        while True:
            await socket.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code


async def test_who_is_deactivated_is_refused_by_every_process_within_a_second(
    servers, ask, ada, sam, mona, person
):
    one, two = servers
    as_customer = person("customer", "SAM")
    await ask(one, ada, UPSERT, m=[{"externalId": "SAM"}, {"externalId": "MONA"}])
    for server in servers:
        assert (await ask(server, sam, WHO))[0] == 200
    headers = {"Accept": "text/event-stream"}
    stream, hers, shoppers = [
        await two.ask(SUBSCRIPTION, Authorization=f"Bearer {each.token}", **headers)
        for each in (sam, mona, as_customer)
    ]
    await stream.until(b"text/event-stream")
    socket = await _socket(two, sam)
    # They go on while nothing happens.
    await asyncio.sleep(1)
    assert b"UNAUTHENTICATED" not in stream.got

    _, answer = await ask(one, ada, UPSERT, m=[{"externalId": "SAM", "active": False}])
    began = time.monotonic()
    outcome = {"outcome": "UPDATED", "errors": []}
    assert answer["data"]["upsertTeamMembers"] == {"results": [outcome], "errors": []}
    async with asyncio.timeout(1):
        ended, code = await asyncio.gather(stream.until(b"event: complete"), _closed(socket))
    assert b"UNAUTHENTICATED" in ended
    assert code == 4403
    await asyncio.sleep(max(began + 1 - time.monotonic(), 0))

    for server in servers:
        status, answer = await ask(server, sam, WHO)
        assert (status, answer["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")
        for role in ("moderator", "admin"):
            assert (await ask(server, person(role, "SAM"), WHO))[0] == 401
        assert (await ask(server, as_customer, WHO))[1]["data"] == {"viewer": {"role": "CUSTOMER"}}
        assert (await ask(server, mona, WHO))[1]["data"] == {"viewer": {"role": "MODERATOR"}}
    for other in (hers, shoppers):
        with pytest.raises(TimeoutError):
            await other.until(b"event: complete", seconds=0.2)

    await ask(two, ada, UPSERT, m=[{"externalId": "SAM", "active": True}])

    async def is_back():
        return [(await ask(server, sam, WHO))[0] for server in servers] == [200, 200]

    async with asyncio.timeout(1):
        await until(is_back)


async def test_a_process_reads_who_is_inactive_by_time_not_for_each_request(sam, monkeypatch):
    ran, plain = [], sql.fetch

    async def record(statement, *values, **options):
        ran.append(statement)
        return await plain(statement, *values, **options)

    monkeypatch.setattr(sql, "fetch", record)
    began = time.monotonic()
    for _ in range(200):
        assert await sam.ask(WHO) == {"viewer": {"role": "STAFF"}}
    seconds = time.monotonic() - began

    assert 1 <= ran.count(inactive_members.STATEMENT) <= 1 + seconds / inactive_members.MAX_AGE

"""SQLite under a real server: nobody is held up by a writer that waits, or by a slow read."""

import asyncio
import json
import os
import re
import sqlite3
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.candor.real_server import start
from tests.fixtures.reviews import BODY

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
connection.execute("ROLLBACK")
"""
CREATE = f"""mutation {{ createReview(input: {{ order: {{ externalId: "ORDER-1" }}, rating: 5,
  body: "{BODY}" }}) {{ review {{ id }} errors {{ code }} }} }}"""
PAGE = (
    '{ service(ref: { externalId: "LOGO" }) { title ratingSummary { count }'
    " reviews(first: 10) { totalCount nodes { body } } } }"
)
SLOW = "{ settings { siteName } }"
# Nobody lives to see it end.
ENDLESS = (
    "SELECT MAX(i) AS i FROM"
    " (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n)"
)
# Seconds: the deadline of operations, and what is long, but shorter than that.
DEADLINE, LONG = 4, 2


@pytest.fixture
def database(sqlite_database) -> str:
    return sqlite_database


@pytest.fixture
def path(database) -> str:
    return database.removeprefix("sqlite://")


@pytest.fixture
async def run(feed, database, tmp_path):
    """A server on the database with one order, beside the process of the test."""
    await feed()
    servers = []

    async def make(options="", **variables):
        given = {"MAIL_WORKER": "off", "OPERATION_SECONDS": DEADLINE, **variables}
        servers.append(await (await start(database + options, folder=tmp_path, **given)).ready())
        return servers[-1]

    yield make
    for server in servers:
        await server.kill()


@asynccontextmanager
async def locked(path):
    """Meanwhile another process holds the write lock."""
    holder = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOLD, path),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert await holder.stdout.readline() == b"locked\n"
    try:
        yield
    finally:
        holder.stdin.close()
        await holder.wait()


@pytest.fixture
async def strangers():
    """The network, to servers of other processes."""
    async with httpx.AsyncClient(timeout=60) as network:
        yield network


@pytest.fixture
def ask(maria, strangers):
    """Ask as Maria: the answer, and the seconds that it took."""

    async def send(server, query, **headers):
        began = time.monotonic()
        answer = await strangers.post(
            f"http://127.0.0.1:{server.port}/graphql",
            json={"query": query},
            headers={"Authorization": f"Bearer {maria.token}", **headers},
        )
        return answer, time.monotonic() - began

    return send


@pytest.fixture
def departed(strangers):
    """Wait until a server knows that so many have left."""

    async def wait(server, number):
        async with asyncio.timeout(30):
            count = 0
            while count < number:
                figures = await strangers.get(f"http://127.0.0.1:{server.port}/metrics")
                found = re.findall(r'^candor_operations_total.*outcome="cancelled".* (\d+)', figures.text, re.MULTILINE)  # fmt: skip
                count = sum(map(int, found))

    return wait


def code_of(answer) -> str:
    """The code of an answer's error, told as JSON or as an event."""
    body = answer.text
    if answer.headers["Content-Type"].startswith("text/event-stream"):
        body = next(line[5:] for line in body.splitlines() if line.startswith("data:"))
    (error,) = json.loads(body)["errors"]
    return error["extensions"]["code"]


def reviews_in(path) -> int:
    connection = sqlite3.connect(path)
    ((count,),) = connection.execute("SELECT COUNT(*) FROM review")
    connection.close()
    return count


def worked(server) -> float:
    """Seconds of CPU that a server has used."""
    used = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK")


async def works(server) -> None:
    """Wait until a statement runs, which takes more of a CPU than answers do."""
    before = worked(server)
    async with asyncio.timeout(30):
        while worked(server) < before + 0.3:
            await asyncio.sleep(0.02)


async def rests(server) -> None:
    """Wait until no statement runs any more."""
    async with asyncio.timeout(30):
        while True:
            before = worked(server)
            await asyncio.sleep(0.5)
            if worked(server) - before < 0.1:
                return


@pytest.mark.parametrize("writers", [3, 16])
async def test_readers_answer_while_writers_wait(run, path, ask, writers):
    server = await run()
    async with locked(path):
        waiting = [asyncio.create_task(ask(server, CREATE)) for _ in range(writers)]
        longest = 0.0
        while not all(task.done() for task in waiting):
            answer, seconds = await ask(server, PAGE)
            assert answer.json()["data"]["service"]["reviews"]["totalCount"] == 0
            longest = max(longest, seconds)
        refused = [code_of(task.result()[0]) for task in waiting]

    assert longest < LONG
    assert set(refused) <= {"UNAVAILABLE", "OPERATION_TIMEOUT"}
    assert reviews_in(path) == 0
    assert (await ask(server, CREATE))[0].json()["data"]["createReview"]["errors"] == []


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_a_writer_that_waits_is_told_at_its_deadline(run, path, ask, accept):
    server = await run("?busy_timeout=60000", OPERATION_SECONDS=1)
    async with locked(path):
        answer, seconds = await ask(server, CREATE, Accept=accept)
        assert code_of(answer) == "OPERATION_TIMEOUT"
        assert "Nothing of it was stored" in answer.text
        assert 1 <= seconds < 1 + LONG

    assert reviews_in(path) == 0
    answer, seconds = await ask(server, CREATE)
    assert answer.json()["data"]["createReview"]["errors"] == []
    assert seconds < LONG


async def test_a_writer_waits_no_longer_than_the_database_is_told_to(run, path, ask):
    server = await run("?busy_timeout=300")
    async with locked(path):
        answer, seconds = await ask(server, CREATE)

    assert (answer.status_code, code_of(answer)) == (503, "UNAVAILABLE")
    assert 0.3 <= seconds < LONG
    assert reviews_in(path) == 0


async def test_a_writer_that_waits_writes_when_the_lock_is_free(run, path, ask):
    server = await run("?busy_timeout=60000", OPERATION_SECONDS=30)
    async with locked(path):
        waiting = asyncio.create_task(ask(server, CREATE))
        for _ in range(20):
            assert (await ask(server, PAGE))[0].status_code == 200
        assert not waiting.done()

    assert (await waiting)[0].json()["data"]["createReview"]["errors"] == []
    answer, _ = await ask(server, PAGE)
    assert answer.json()["data"]["service"]["ratingSummary"]["count"] == 1


async def test_who_leaves_while_their_write_waits_stores_nothing_and_holds_nobody_up(
    run, path, ask, departed
):
    server = await run("?busy_timeout=60000", OPERATION_SECONDS=30)
    async with locked(path):
        leaving = [asyncio.create_task(ask(server, CREATE)) for _ in range(3)]
        for _ in range(20):
            assert (await ask(server, PAGE))[0].status_code == 200
        for task in leaving:
            task.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)
        await departed(server, 3)

    assert reviews_in(path) == 0

    answer, seconds = await ask(server, CREATE)
    assert answer.json()["data"]["createReview"]["errors"] == []
    assert seconds < LONG


async def test_a_page_does_not_wait_for_slow_reads(run, ask):
    server = await run(slow=ENDLESS, OPERATION_SECONDS=30)
    slow = [asyncio.create_task(ask(server, SLOW)) for _ in range(3)]
    await works(server)
    longest = 0.0
    for _ in range(20):
        answer, seconds = await ask(server, PAGE)
        assert answer.json()["data"]["service"]["title"] == "A logo"
        longest = max(longest, seconds)

    assert longest < LONG
    assert not any(task.done() for task in slow)
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)


async def test_a_statement_ends_at_the_deadline_of_who_asked(run, ask):
    server = await run(slow=ENDLESS, OPERATION_SECONDS=1)
    answers = await asyncio.gather(*(ask(server, SLOW) for _ in range(12)))

    assert {code_of(answer) for answer, _ in answers} == {"OPERATION_TIMEOUT"}
    assert max(seconds for _, seconds in answers) < 1 + LONG
    await rests(server)
    assert (await ask(server, PAGE))[0].status_code == 200


async def test_a_statement_ends_when_who_asked_leaves(run, ask):
    server = await run(slow=ENDLESS, OPERATION_SECONDS=60)
    slow = [asyncio.create_task(ask(server, SLOW)) for _ in range(12)]
    await works(server)
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)

    await rests(server)
    assert (await ask(server, PAGE))[0].status_code == 200

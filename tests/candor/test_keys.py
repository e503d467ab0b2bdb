"""API keys: scopes, expiry, and the time of the last use."""

import asyncio
from datetime import timedelta

import pytest
from click.testing import CliRunner

from candor.callers import key_uses
from candor.callers.tokens import new_key
from candor.commands.main import main
from models import ApiKey, clock
from tests.waiting import until

REVIEWS = "{ reviews { nodes { id } } }"
ORDER = 'query { order(ref: {externalId: "ORDER-1"}) { id } }'


@pytest.fixture
def key():
    """Make a key with these scopes: the key and its row."""

    async def make(scopes, name="storefront", **facts):
        made, digest = new_key()
        row = await ApiKey.create(
            name=name, digest=digest, scopes=scopes, created_at=clock.now(), **facts
        )
        return made, row

    return make


@pytest.fixture
def ask(client):
    async def ask(key, query, to=None):
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return await (to or client).post("/graphql", json={"query": query}, headers=headers)

    return ask


async def test_a_key_that_reads_has_a_larger_budget_of_its_own(app, another, key, ask, monkeypatch):
    monkeypatch.setattr("candor.callers.budgets.REFUSAL_DELAY", 0)
    made, _ = await key("READ")
    async with another(rate_limits=True, budget=22) as client:
        nobody = [(await ask(None, REVIEWS, client)).status_code for _ in range(3)]
        shop = [(await ask(made, REVIEWS, client)).status_code for _ in range(20)]
        still = (await ask(None, REVIEWS, client)).status_code

    assert nobody[-1] == still == 429
    assert shop == [200] * 20


async def test_a_key_that_reads_sees_what_everybody_sees_and_writes_nothing(
    app, key, ask, review, open_update, shop, nobody, stored
):
    await review()
    await open_update("ORDER-2")
    made, _ = await key("READ")
    before = await stored()

    result = (await ask(made, REVIEWS)).json()
    hidden = (await ask(made, ORDER)).json()
    refused = await ask(made, "mutation { upsertOrders(input: {orders: []}) { errors { code } } }")

    assert result["data"] == await nobody.ask(REVIEWS)
    assert hidden["data"]["order"] is None
    assert (await shop.ask(ORDER))["order"] is not None
    assert refused.json()["data"]["upsertOrders"]["errors"] == [{"code": "FORBIDDEN"}]
    assert await stored() == before


async def test_guesses_of_a_key_that_reads_are_counted(app, another, key, ask, monkeypatch):
    monkeypatch.setattr("candor.callers.budgets.REFUSAL_DELAY", 0)
    monkeypatch.setattr("candor.callers.budgets.GUESSES", 3)
    reads, _ = await key("READ")
    writes, _ = await key("ORDERS_WRITE", "back end")
    async with another(rate_limits=True) as client:
        codes = {
            made: [(await ask(made, ORDER, client)).status_code for _ in range(4)]
            for made in (reads, writes)
        }

    assert codes == {reads: [200, 200, 200, 429], writes: [200] * 4}


async def test_an_expired_key_is_refused(app, key, ask, at):
    now = clock.now()
    made, _ = await key("READ", valid_until=now + timedelta(days=90))

    assert (await ask(made, REVIEWS)).status_code == 200
    at(now + timedelta(days=90))
    over = await ask(made, REVIEWS)

    assert over.status_code == 401
    assert over.json()["errors"][0]["message"] == "The API key has expired."


async def used(row):
    await row.refresh_from_db()
    return row.last_used_at


async def until_written():
    await until(lambda: not key_uses._tasks)


async def test_the_last_use_is_written_in_the_background_once_a_minute(
    app, key, ask, at, monkeypatch
):
    writes, write = [], key_uses._write

    async def counted(row):
        writes.append(row.name)
        await write(row)

    monkeypatch.setattr(key_uses, "_write", counted)
    made, row = await key("READ")
    now = clock.now()
    for seconds in (0, 1, 59, 61, 62):
        at(now + timedelta(seconds=seconds))
        await asyncio.gather(*(ask(made, REVIEWS) for _ in range(3)))
        await until_written()

    assert len(writes) == 2
    assert abs(await used(row) - now - timedelta(seconds=61)) < timedelta(milliseconds=1)


async def test_a_use_that_cannot_be_written_fails_no_request(app, key, ask, monkeypatch, caplog):
    made, row = await key("READ")
    monkeypatch.setattr(key_uses, "INTERVAL", timedelta(milliseconds=1))

    def away(**_named):
        raise OSError("the disk is full")

    monkeypatch.setattr("candor.callers.key_uses.ApiKey.filter", away)

    assert (await ask(made, REVIEWS)).status_code == 200
    await until_written()

    assert "the use of a key cannot be written: OSError" in caplog.text
    assert await used(row) is None


def test_the_command_line_tells_expiry_and_last_use(sqlite_database, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CANDOR_DATABASE_URL", sqlite_database)
    monkeypatch.setenv("CANDOR_SECRET", "a secret of the tests, long enough to sign with")

    def candor(*arguments):
        done = CliRunner().invoke(main, ["key", *arguments])
        return done.exit_code, done.output

    made = candor("create", "--name", "storefront", "--scope", "READ", "--expires", "90d")
    bound = candor("create", "--name", "x", "--scope", "READ", "--vendor", "NINA")
    day = f"{clock.now() + timedelta(days=90):%Y-%m-%d}"

    assert made[0] == 0
    assert bound[0] == 2
    code, listed = candor("list")
    assert code == 0
    assert listed.startswith(f"storefront\tREAD\tnone\tactive\tuntil {day} ")
    assert listed.rstrip().endswith("never used")

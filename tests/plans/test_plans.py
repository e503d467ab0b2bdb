"""No list reads more of the database than its page, whoever asks for it and however it is sorted.

Every operation of `tests.plans.operations` is sent over HTTP to a filled database, and each
statement that it ran is measured: rows on PostgreSQL, by the generic plan that the server uses, and
steps of the virtual machine on SQLite.
"""

import asyncio
import shutil
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from tortoise.backends.base import executor
from tortoise.connection import get_connection

from candor.callers.tokens import new_key, sign
from mailers.letters.signed_links import Claim, Purpose
from mailers.letters.signed_links import sign as sign_link
from models import ApiKey, clock
from models.indexes import INDEXES
from resolvers.viewer import Role
from tests.plans import filled
from tests.plans.operations import HOLDERS, Case, cases, lists
from tests.plans.work import MOST_ROWS, Postgres, SQLite, Work


class Exempt(NamedTuple):
    """Operations that may read more, and why."""

    because: str
    applies: Callable[[Case], bool]


def _filters(case: Case) -> set[str]:
    return {name for name, _ in case.filter}


def _is(path: str, *names: str) -> Callable[[Case], bool]:
    """Whether it is one of these lists, filtered by one of these fields."""
    return lambda case: case.path.endswith(path) and bool(_filters(case) & set(names))


def _in_order(path: str, order: str, *names: str) -> Callable[[Case], bool]:
    return lambda case: _is(path, *names)(case) and case.order == order


EXEMPT = [
    Exempt("services are few, and their titles are looked through", _is(".services", "search")),
    Exempt(
        "a frequent word is looked for in the list's order, where its page is soon full",
        lambda case: dict(case.filter).get("search") == f'"{filled.COMMON_WORD}"',
    ),
    Exempt(
        "a service's or the site's reviews with or without a reply are picked out of the newest, and"
        " in every other order out of all: indexes of both would be written by each review",
        _is(".reviews", "hasReply"),
    ),
    Exempt(
        "a service has few reviews of a former vendor, so both together are nobody's question",
        lambda case: (
            (case.path.endswith("Service.reviews") and "vendor" in _filters(case))
            or (case.path.endswith("Vendor.reviews") and "service" in _filters(case))
            or _filters(case) == {"service", "vendor"}
        ),
    ),
    Exempt(
        "the most helpful of a period are picked out of those with votes",
        lambda case: (
            case.order == "MOST_HELPFUL"
            and bool(_filters(case) & {"createdAfter", "createdBefore"})
        ),
    ),
    Exempt(
        "services by standing are computed, service by service, in all orders but the ranking",
        _is(".services", "standing", "includeHidden"),
    ),
    Exempt(
        "a period of when updates were opened is picked out of their order by activity",
        _in_order(".orderUpdates", "LATEST_ACTIVITY", "createdAfter", "createdBefore"),
    ),
    Exempt(
        "two filters of updates, or one of a vendor's, are picked out of what one of them finds",
        lambda case: (
            case.path.endswith(".orderUpdates")
            and (len(case.filter) > 1 or case.role is Role.VENDOR)
        ),
    ),
    Exempt(
        "edits that wait are looked through for those of one service, vendor or period: all of"
        " them are what moderators have to do",
        lambda case: (
            "awaitsDecision" in _filters(case)
            and (
                bool(_filters(case) & {"service", "vendor", "createdAfter", "createdBefore"})
                or case.path.endswith(("Service.reviews", "Vendor.reviews"))
            )
        ),
    ),
    Exempt(
        "what waits for moderation is sorted in every order but those by time",
        lambda case: (
            bool(_filters(case) & {"status", "awaitsDecision"})
            and case.order not in {"NEWEST", "OLDEST", None}
        ),
    ),
    Exempt(
        "a team has few members: names are looked through",
        lambda case: case.path == "Query.teamMembers" and "search" in _filters(case),
    ),
    Exempt(
        "what waits and does not wait is nobody's question",
        lambda case: {"status", "awaitsDecision"} <= _filters(case),
    ),
    Exempt(
        "the mails of one kind to one person are picked out of the kind's or the person's",
        lambda case: {"mail", "recipient"} <= _filters(case),
    ),
]


# Without these another index does nearly as well for the rows of `filled`, on one of the databases.
REPLACEABLE = {
    # Of the worker of mails, and constraints.
    "ix_outbox_mail_due",
    "ix_outbox_mail_lease",
    "uq_review_order",
    "uq_pending_version_review",
    # Each does for the other, while few rows have the status, the kind or the person.
    "ix_order_update_status",
    "ix_order_update_status_newest",
    "ix_review_own_hidden",
    *(f"ix_tracking_event_{name}" for name in ("newest", "actor", "kind", "actor_kind")),
}


@pytest.fixture(scope="module")
def filled_sqlite(tmp_path_factory, sqlite_template) -> str:
    path = tmp_path_factory.mktemp("filled") / "filled.sqlite3"
    shutil.copyfile(sqlite_template, path)
    filled.fill_sqlite(str(path))
    return f"sqlite://{path}"


@pytest.fixture(scope="module")
def filled_postgres(postgres_server, postgres_template) -> str:
    from tests.fixtures.databases import _on_postgres

    name = "filled"
    asyncio.run(
        _on_postgres(postgres_server, f'CREATE DATABASE "{name}" TEMPLATE "{postgres_template}"')
    )
    url = postgres_server.format(database=name)
    asyncio.run(filled.fill_postgres(url))
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def database(request) -> str:
    executor.EXECUTOR_CACHE.clear()
    return request.getfixturevalue(f"filled_{request.param}")


@pytest.fixture
async def work(database):
    measured = (
        SQLite(database.removeprefix("sqlite://"))
        if database.startswith("sqlite")
        else await Postgres.connect(database)
    )
    yield measured
    await measured.close()


@pytest.fixture
def ran(app, monkeypatch) -> list[tuple[str, tuple[Any, ...]]]:
    """Every statement with its values, since the list was last cleared."""
    connection, ran = get_connection("default"), []
    for name in ("execute_query", "execute_query_dict", "records"):
        plain = getattr(connection, name, None)
        if plain is not None:

            def record(query, values=None, plain=plain):
                ran.append((query, tuple(values or ())))
                return plain(query, values)

            monkeypatch.setattr(connection, name, record)
    return ran


@pytest.fixture
async def callers(app, settings):
    """The token of a caller of each role."""
    key, digest = new_key()
    await ApiKey.create(name="plans", digest=digest, scopes="ORDERS_WRITE", created_at=clock.now())

    def token(role: Role, sub: str, **claims: str) -> str:
        return sign(settings, {"sub": sub, "role": role.lower(), **claims}, timedelta(hours=12))

    order = filled._id(5, 48)
    yield {
        Role.ANONYMOUS: None,
        Role.CUSTOMER: token(Role.CUSTOMER, filled.HOT_CUSTOMER),
        Role.GUEST: sign_link(settings.secret, Claim(Purpose.REVIEW, order, version=1)),
        Role.VENDOR: token(Role.VENDOR, filled.HOT_VENDOR, vendor=filled.HOT_VENDOR),
        Role.STAFF: token(Role.STAFF, filled.HOT_MEMBER),
        Role.MODERATOR: token(Role.MODERATOR, "MONA"),
        Role.ADMIN: token(Role.ADMIN, "ADA"),
        Role.INTEGRATION: key,
    }
    await ApiKey.filter(name="plans").delete()


async def test_every_list_is_reached():
    assert {holder for holder, _, _ in lists()} == set(HOLDERS)


Statement = tuple[str, tuple[Any, ...]]


class Measured(NamedTuple):
    """All statements of a database, with the page for which each was sent, and exemptions used."""

    statements: dict[tuple[Statement, str], Work]
    exempted: set[str]
    roles: set[Role]


MEASURED: dict[str, Measured] = defaultdict(lambda: Measured({}, set(), set()))


class Asking:
    """Sends the operations of one caller, and keeps the cursors of their pages."""

    def __init__(self, client, token: str | None) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._cursors: dict[Case, dict[str, str]] = defaultdict(dict)

    async def ask(self, case: Case) -> bool:
        """Send an operation; False if there is no cursor to send."""
        known = self._cursors[replace(case, page="")]
        if case.page in {"AFTER", "BEFORE"} and case.page not in known:
            return False
        body = {"query": case.document(known.get(case.page))}
        answer = await self._client.post("/graphql", json=body, headers=self._headers)
        edges = (_connection(answer.json().get("data")) or {}).get("edges")
        if edges and case.page == "FIRST":
            known["BEFORE"] = edges[-1]["cursor"]
        elif edges and case.page == "LAST":
            known["AFTER"] = edges[0]["cursor"]
        return True


@pytest.mark.parametrize("role", list(Role))
async def test_no_list_reads_more_than_its_page(role, client, ran, work, callers, database):
    measured = MEASURED[database]
    faults: dict[str, list[str]] = defaultdict(list)
    asking = Asking(client, callers[role])
    for case in cases(role):
        ran.clear()
        if not await asking.ask(case):
            continue
        for statement in [each for each in ran if each[0].startswith(("SELECT", "WITH"))]:
            key = (statement, case.page if case.page in MOST_ROWS else "FIRST")
            if key not in measured.statements:
                measured.statements[key] = await work.of(*statement)
            found = measured.statements[key]
            if not found.is_too_much_for(case.page):
                continue
            exempt = next((each.because for each in EXEMPT if each.applies(case)), None)
            if exempt is None:
                faults[f"{found}\n{statement[0]}\n{found.plan}"].append(str(case))
            else:
                measured.exempted.add(exempt)
    measured.roles.add(role)

    assert not faults, _report(faults)


def _whole(database: str) -> Measured:
    if MEASURED[database].roles != set(Role):
        pytest.skip("needs the statements of the tests above, of every role")
    return MEASURED[database]


async def test_every_exemption_is_needed(database):
    """On one of the databases: they plan differently."""
    needed = {each for measured in MEASURED.values() for each in measured.exempted}
    _whole(database)

    if len([each for each in MEASURED.values() if each.roles == set(Role)]) == 2:
        assert needed == {each.because for each in EXEMPT}


async def test_each_index_that_is_dropped_is_missed(database, work):
    measured = _whole(database)
    used = {
        name: [key for key, found in measured.statements.items() if name in found.plan]
        for name in INDEXES
    }
    missed = set()
    for name, keys in used.items():
        async with work.without(name):
            for statement, page in keys:
                if measured.statements[statement, page].is_too_much_for(page):
                    continue
                if (await work.of(*statement)).is_too_much_for(page):
                    missed.add(name)
                    break

    lists = {name for name, keys in used.items() if keys}
    not_missed = lists - missed - REPLACEABLE
    assert not not_missed, "\n".join(sorted(not_missed))


def _report(faults: dict[str, list[str]]) -> str:
    return "\n\n".join(
        f"{len(named)} operations, the first: {named[0]}\n{fault}"
        for fault, named in faults.items()
    )


def _connection(data: Any) -> Any:
    """The connection in the data of an answer."""
    while isinstance(data, dict) and not data.keys() & {"edges", "totalCount"}:
        data = next(iter(data.values()), None)
    return data

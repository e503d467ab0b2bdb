"""A filled marketplace with a hot and a tail of everything, in which rare things are rare.

One vendor sells a quarter of all orders, one service has a third of these; nearly all reviews of
the hot vendor have a reply, and nearly all mails were sent.
"""

import asyncio
import random
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from unittest.mock import patch
from uuid import UUID

import asyncpg

from models import sql, text_indexing
from models.database import opened
from models.rating_tally import COUNTS
from models.statistics import STATEMENTS_ON_SQLITE
from resolvers.rating_counters import _SUMS

REVIEWS = 50_000
SERVICES, VENDORS, CUSTOMERS, UPDATES = 2_000, 400, 10_000, 20_000
HOT_SERVICE, TAIL_SERVICE = "SERVICE-0", f"SERVICE-{SERVICES - 1}"
HOT_VENDOR, TAIL_VENDOR = "VENDOR-0", f"VENDOR-{VENDORS - 1}"
HOT_CUSTOMER, TAIL_CUSTOMER = "CUSTOMER-0", f"CUSTOMER-{CUSTOMERS - 1}"
HOT_MEMBER, TAIL_MEMBER = "MEMBER-0", "MEMBER-29"
MEMBERS = 30
# An order with many updates, one of them with many notes, and a word that one review in a hundred
# has; nobody wrote the other one.
LONG_ORDER, LONG_UPDATE = "ORDER-0", UUID(int=8 << 120)
COMMON_WORD, RARE_WORD, UNKNOWN_WORD = "friendly", "zeppelin", "xylophone"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
START = NOW - timedelta(days=700)

Table = tuple[str, tuple[str, ...], list[tuple[object, ...]]]


def _id(kind: int, number: int) -> UUID:
    return UUID(int=kind << 120 | number)


def _at(number: int, total: int = REVIEWS) -> datetime:
    return START + (NOW - START) * (number / total)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _service_of(number: int) -> int:
    """A third of the hot vendor's orders are of its first service."""
    if number % 4 == 0:
        return 0 if number % 12 == 0 else number // 4 % 5
    return number % SERVICES


def _vendor_of(service: int) -> int:
    return 0 if service < 5 else service % VENDORS


def _customer_of(number: int) -> int:
    return 0 if number % 1_000 == 0 else 1 + number % (CUSTOMERS - 1)


def tables() -> Iterator[Table]:
    """Name, columns and rows of each table, in an order that satisfies foreign keys."""
    draw = random.Random(7)
    person = ("id", "external_id", "display_name", "email", "created_at")
    for kind, (table, name, count) in enumerate(
        (
            ("customer", "CUSTOMER", CUSTOMERS),
            ("vendor", "VENDOR", VENDORS),
            ("team_member", "MEMBER", MEMBERS),
        ),
        1,
    ):
        yield (
            table,
            person,
            [
                (
                    _id(kind, n),
                    f"{name}-{n}",
                    f"{name} {n}",
                    f"{name}{n}@example.com".lower(),
                    START,
                )
                for n in range(count)
            ],
        )
    yield (
        "team_member",
        (*person, "name_folded", "deactivated_at"),
        [
            (
                *(_id(3, n), f"MEMBER-{n}", f"Member {n}", None, START),
                *(f"member {n}\nmember-{n}", START if n % 1_000 == 0 else None),
            )
            for n in range(MEMBERS, MEMBERS + 5_000)
        ],
    )
    yield (
        "service",
        ("id", "external_id", "vendor_id", "title", "title_folded", "created_at"),
        [
            (
                _id(4, n),
                f"SERVICE-{n}",
                _id(2, _vendor_of(n)),
                f"Logo No. {n}",
                f"logo no. {n}",
                _at(n, SERVICES),
            )
            for n in range(SERVICES)
        ],
    )
    yield (
        "orders",
        (
            *("id", "external_id", "status", "completed_at", "reminders_allowed", "customer_id"),
            *("vendor_id", "service_id", "link_version", "created_at"),
        ),
        [
            (
                _id(5, n),
                f"ORDER-{n}",
                "COMPLETED",
                _at(n),
                True,
                _id(1, _customer_of(n)),
                _id(2, _vendor_of(_service_of(n))),
                _id(4, _service_of(n)),
                1,
                _at(n),
            )
            for n in range(REVIEWS)
        ],
    )
    reviews = [_review(n, draw) for n in range(REVIEWS)]
    yield "review", _REVIEW, reviews
    yield (
        "pending_version",
        ("id", "review_id", "created_at", "rating", "body", "submitted_at"),
        [
            (_id(15, n), review[0], _at(n), 1, "It broke after a day.", NOW)
            for n, review in enumerate(reviews)
            if n % 20 == 3 and review[_REVIEW.index("status")] == "APPROVED"
        ],
    )
    yield from _threads()
    yield from _outbox()


_REVIEW = (
    *("id", "order_id", "service_id", "vendor_id", "customer_id", "rating", "communication"),
    *("body", "body_folded", "verified", "status", "created_at", "published_at", "helpful_count"),
    *("reply_body", "replied_at"),
)


def _review(n: int, draw: random.Random) -> tuple[object, ...]:
    service = _service_of(n)
    body = "Very good work, on time."
    if n % 100 == 1 or n % 100 == 12:
        body += f" {COMMON_WORD.capitalize()}!"
    if n in {7, 12}:
        body += f" A {RARE_WORD}!"
    # The hot vendor answers everybody but a few; the others answer now and then.
    replied = n % 5_000 != 8 if _vendor_of(service) == 0 else n % 3 == 0
    # Many wait, but few of the hot vendor's.
    is_pending = n % 20 == 9 or n % 240 == 48 or n % 5_000 == 0
    status = "PENDING" if is_pending else "REJECTED" if n % 10_000 == 36 else "APPROVED"
    # Few are bad, and the hot service has only one bad review.
    stars = 1 if n in {24, 25} else draw.choice((5, 5, 5, 4, 4, 3))
    return (
        _id(6, n),
        _id(5, n),
        _id(4, service),
        _id(2, _vendor_of(service)),
        _id(1, _customer_of(n)),
        stars,
        4 if n % 2 else None,
        body,
        body.casefold(),
        True,
        status,
        _at(n),
        None if status == "PENDING" else _at(n),
        draw.choice((0, 0, 0, 1, 2)),
        "Thank you" if replied else None,
        _at(n) + timedelta(hours=1) if replied else None,
    )


def _threads() -> Iterator[Table]:
    updates, notes, solves, events = [], [], [], []
    for n in range(UPDATES):
        order = 0 if n < 100 else n * 2 % REVIEWS
        status = "SOLVED" if n % 2_000 == 3 else "CLOSED" if n % 5 == 4 else "OPEN"
        visible = n % 3 != 0 or status == "CLOSED"
        assignee = None if n % 3 == 1 else _id(3, 0 if n % 2 else n % (MEMBERS - 1))
        at, later = _at(n, UPDATES), _at(n, UPDATES) + timedelta(hours=2)
        update = LONG_UPDATE if n == 0 else _id(7, n)
        updates.append(
            (
                update,
                _id(5, order),
                _id(1, _customer_of(order)),
                _id(2, _vendor_of(_service_of(order))),
                f"Question {n}",
                status,
                visible,
                assignee,
                0 if status == "OPEN" else 1,
                at,
                None if status == "OPEN" else later,
                later if status == "CLOSED" else None,
                later,
                later,
            )
        )
        for each in range(800 if n == 0 else 1):
            number = n + each * UPDATES
            notes.append((_id(9, number), update, None, "Where is it?", False, at))
        if status != "OPEN":
            rated = status == "CLOSED"
            member = _id(3, n % (MEMBERS - 1))
            solves.append(
                (
                    *(_id(10, n), update, 1, member, member, visible, False, later),
                    *((5, later) if rated else (None, None)),
                )
            )
        actor = HOT_MEMBER if n % 2 else f"MEMBER-{n % (MEMBERS - 1)}"
        rare = "update.reopened" if n in {6, 9} else "update.assigned"
        for kind in ("update.opened", "note.posted" if n % 3 else rare):
            events.append(
                (
                    *(_id(11, len(events)), at, kind, "STAFF", actor, "OrderUpdate", update),
                    *(_id(5, order), "{}"),
                )
            )
    yield (
        "order_update",
        (
            *("id", "order_id", "customer_id", "vendor_id", "title", "status"),
            *("customer_visible", "assignee_id", "solves"),
            *("created_at", "solved_at", "closed_at", "team_activity_at", "customer_activity_at"),
        ),
        updates,
    )
    yield (
        "update_note",
        ("id", "update_id", "author_id", "body", "internal", "created_at"),
        notes,
    )
    yield (
        "update_solve",
        (
            *("id", "update_id", "number", "solved_by_id", "credited_to_id", "customer_visible"),
            *("notified", "solved_at", "stars", "rated_at"),
        ),
        solves,
    )
    yield (
        "tracking_event",
        (
            *("id", "at", "kind", "actor_role", "actor", "subject_type", "subject_id"),
            *("order_id", "details"),
        ),
        events,
    )


def _outbox() -> Iterator[Table]:
    mails, notices = [], []
    for n in range(REVIEWS):
        at = _at(n)
        vendor = f"VENDOR-{_vendor_of(_service_of(n))}"
        status = "DEAD" if n in {5, 9} else "SCHEDULED" if n > REVIEWS - 200 else "SENT"
        kind = ("review.received", "review.replied", "update.solved")[n % 3]
        kind = "review.rejected" if n in {3, 99} else kind
        key = f"{kind}:{n}"
        mails.append(
            (
                *(_id(12, n), kind, key, "VENDOR", vendor, f"{vendor}@example.com"),
                *("Review", _id(6, n), "{}", status, _milliseconds(at), None, 1, 0, False),
                _milliseconds(at),
            )
        )
        for audience, recipient in (("VENDOR", vendor), ("ADMIN", "admin")):
            read = at + timedelta(days=1) if n % 500 else None
            number = len(notices)
            notices.append(
                (
                    *(_id(13, number), audience, recipient, "review.received"),
                    *(f"{key}:{audience}", "Review", _id(6, n), at, read),
                )
            )
    yield (
        "outbox_mail",
        (
            *("id", "mail", "dedupe_key", "audience", "recipient", "address", "subject_type"),
            *("subject_id", "params", "status", "due_at", "expires_at", "attempts", "ambiguous"),
            *("in_data", "created_at"),
        ),
        mails,
    )
    marks = ("id", "audience", "recipient", "read_until", "marked_at")
    yield (
        "inbox_mark",
        marks,
        [(_id(14, n), "VENDOR", f"VENDOR-{n % VENDORS}", START, START) for n in range(5_000)],
    )
    yield (
        "notification",
        (
            *("id", "audience", "recipient", "kind", "event_key", "subject_type", "subject_id"),
            *("created_at", "read_at"),
        ),
        notices,
    )


_COUNT = " UNION ALL ".join(
    f"SELECT {column}, '{kind}', {_SUMS} FROM review"
    f" WHERE status = 'APPROVED' AND deleted_at IS NULL GROUP BY {column}"
    for column, kind in (("service_id", "SERVICE"), ("vendor_id", "VENDOR"))
)
COUNT = f"INSERT INTO rating_counter (subject_id, kind, {', '.join(COUNTS)}) {_COUNT}"


# Nor do triggers run on PostgreSQL for a replica.
LET_WAIT = "INSERT INTO search_waiting (review_id) SELECT id FROM review"


async def index_texts(url: str) -> None:
    """Index the texts, as a worker would, in chunks of which none is left over.

    A search reads the texts that wait, of which there are always fewer than a chunk.
    """
    with patch.object(text_indexing, "SMALL", REVIEWS // 25):
        async with opened(url):
            while await text_indexing.index_waiting():
                pass


async def fill_postgres(url: str) -> None:
    connection = await asyncpg.connect(url.replace("postgres://", "postgresql://", 1))
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            for name, columns, rows in tables():
                await connection.copy_records_to_table(name, records=rows, columns=columns)
            await connection.execute(COUNT)
            await connection.execute(LET_WAIT)
        await index_texts(url)
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


def fill_sqlite(path: str) -> None:
    database = sqlite3.connect(path)
    database.execute("PRAGMA synchronous = OFF")
    for name, columns, rows in tables():
        names = ", ".join(f'"{column}"' for column in columns)
        converted = [tuple(map(sql._for_sqlite, row)) for row in rows]
        database.executemany(
            f"INSERT INTO {name} ({names}) VALUES ({sql.places(columns)})", converted
        )
    database.execute(COUNT)
    database.commit()
    asyncio.run(index_texts(f"sqlite://{path}"))
    for statement in STATEMENTS_ON_SQLITE:
        database.execute(statement)
    database.commit()
    database.close()

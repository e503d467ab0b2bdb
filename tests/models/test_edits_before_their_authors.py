"""The migration that says who wrote which version, and which one a reply answered."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

from tortoise.context import TortoiseContext
from tortoise.migrations.api.migrate import migrate as run_migrations

from models import EditedBy, Review, ReviewRevision, sql
from models.database import configuration, opened
from models.migrating import migrate

BEFORE = "0012_where_mails_lead"
START = datetime(2026, 1, 1, tzinfo=UTC)


def day(number):
    return START + timedelta(days=number)


# Of each review the edits, oldest first: whose, on which day; None is an edit that no log tells of.
EDITS = {
    "none": [],
    "author": [("CUSTOMER", "MARIA", 2)],
    "admin": [("ADMIN", "ADA", 2)],
    "both": [("CUSTOMER", "MARIA", 2), ("ADMIN", "ADA", 4)],
    "back": [("ADMIN", "ADA", 2), ("CUSTOMER", "MARIA", 4)],
    "own": [("ADMIN", "MARIA", 2)],
    "unlogged": [None],
}
REPLIED = {"none": 3, "both": 3, "back": 5, "author": 1}
EDITED_BY = {
    "none": None,
    "author": EditedBy.AUTHOR,
    "admin": EditedBy.ADMIN,
    "both": EditedBy.ADMIN,
    "back": EditedBy.AUTHOR,
    "own": EditedBy.AUTHOR,
    "unlogged": EditedBy.AUTHOR,
}


async def _insert(table, **values):
    names = ", ".join(f'"{name}"' for name in values)
    statement = f"INSERT INTO {table} ({names}) VALUES ({sql.places(values)})"
    await sql.execute(statement, *values.values())


async def _store_as_before(url):
    async with TortoiseContext():
        await run_migrations(config=configuration(url), target=f"models.{BEFORE}")
    async with opened(url):
        customer, vendor, service = (uuid.uuid4() for _ in range(3))
        person = {"created_at": START}
        await _insert("customer", id=customer, external_id="MARIA", display_name="M", **person)
        await _insert("vendor", id=vendor, external_id="NINA", display_name="N", **person)
        await _insert("service", id=service, external_id="LOGO", title="L", title_folded="l", vendor_id=vendor, **person)  # fmt: skip
        for name, edits in EDITS.items():
            parties = {"customer_id": customer, "vendor_id": vendor, "service_id": service}
            order, review = uuid.uuid4(), uuid.uuid4()
            await _insert("orders", id=order, external_id=name, status="COMPLETED", reminders_allowed=True, link_version=1, created_at=START, **parties)  # fmt: skip
            days = [edit[2] if edit else 2 for edit in edits]
            replied = day(REPLIED[name]) if name in REPLIED else None
            await _insert("review", id=review, order_id=order, **parties, rating=5, body=name, body_folded=name, verified=True, status="APPROVED", created_at=START, published_at=START, edited_at=day(days[-1]) if days else None, helpful_count=0, reply_body="Thanks!" if replied else None, replied_at=replied)  # fmt: skip
            for edit, when in zip(edits, days, strict=True):
                await _insert("review_revision", id=uuid.uuid4(), review_id=review, rating=4, body="B", replaced_at=day(when))  # fmt: skip
                if edit:
                    await _insert("tracking_event", id=uuid.uuid4(), at=day(when) + timedelta(milliseconds=3), kind="review.edited", actor_role=edit[0], actor=edit[1], subject_type="Review", subject_id=review, order_id=order, details={})  # fmt: skip


def test_edits_are_the_authors_unless_the_log_says_otherwise(empty_database):
    asyncio.run(_store_as_before(empty_database))

    asyncio.run(migrate(empty_database))

    asyncio.run(_check(empty_database))


async def _check(url):
    async with opened(url):
        reviews = {review.body: review for review in await Review.all()}
        assert {name: review.edited_by for name, review in reviews.items()} == EDITED_BY
        for name, whose in (("both", ["AUTHOR", "ADMIN"]), ("back", ["ADMIN", "AUTHOR"])):
            rows = await ReviewRevision.filter(review_id=reviews[name].id).order_by("replaced_at")
            assert [row.replaced_by for row in rows] == whose
        answered = {name: review.replied_to_version_at for name, review in reviews.items()}
    assert answered == dict.fromkeys(EDITS) | {
        "none": START,
        "author": START,
        "both": day(2),
        "back": day(4),
    }

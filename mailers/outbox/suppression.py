"""Who gets no mail: mailboxes that do not exist, and people who declined a category.

Addresses are stored as keyed digests, which identify nobody and outlive a person's erasure.
"""

import hmac
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from mailers.catalogue import CATALOGUE, Category
from mailers.outbox.claims import now
from models import sql
from models.uuid7 import uuid7

NO_SUCH_MAILBOX = "the mailbox does not exist"
OPTED_OUT = "the recipient does not want such mails"

_SUPPRESSIONS = """
SELECT recipient_hash, '' AS category FROM mail_suppression WHERE recipient_hash IN ({0})
UNION ALL
SELECT recipient_hash, category FROM mail_optout WHERE recipient_hash IN ({0})"""

_SUPPRESS = """
INSERT INTO mail_suppression (recipient_hash, reason, suppressed_at) VALUES (?, ?, ?)
ON CONFLICT DO NOTHING"""


_DECLINED = "SELECT category FROM mail_optout WHERE recipient_hash = ?"

_OPT_OUT = """
INSERT INTO mail_optout (id, recipient_hash, category, opted_out_at) VALUES (?, ?, ?, ?)
ON CONFLICT DO NOTHING"""

_OPT_IN = "DELETE FROM mail_optout WHERE recipient_hash = ? AND category = ?"


def recipient_hash(secret: str, address: str) -> str:
    """32 hexadecimal digits; upper and lower case do not matter."""
    name = address.strip().casefold().encode()
    return hmac.digest(secret.encode(), b"recipient:" + name, "sha256").hex()[:32]


async def suppressions_of(recipients: Iterable[str]) -> dict[str, set[str]]:
    """By recipient (a hash): the declined categories, and `""` if the mailbox does not exist.

    One statement for all. Recipients without either are left out.
    """
    hashes = list(recipients)
    suppressions: dict[str, set[str]] = {}
    if hashes:
        statement = _SUPPRESSIONS.format(sql.places(hashes))
        for row in await sql.fetch(statement, *hashes, *hashes):
            suppressions.setdefault(row["recipient_hash"], set()).add(row["category"])
    return suppressions


def reason_to_skip(kind: str, suppressions: AbstractSet[str]) -> str | None:
    """Why this mail may not go to a recipient with these suppressions; None if it may."""
    if "" in suppressions:
        return NO_SUCH_MAILBOX
    return OPTED_OUT if CATALOGUE[kind].category in suppressions else None


async def suppress(recipient: str, *, reason: str) -> None:
    await sql.execute(_SUPPRESS, recipient, reason[:200], now())


async def declined(recipient: str) -> set[Category]:
    """The categories that this recipient (a hash) has declined."""
    names = {row["category"] for row in await sql.fetch(_DECLINED, recipient)}
    return {category for category in Category if category in names}


async def opt_out(recipient: str, categories: Iterable[Category]) -> None:
    """Decline these categories; idempotent."""
    for category in categories:
        await sql.execute(_OPT_OUT, uuid7(), recipient, category, now())


async def opt_in(recipient: str, categories: Iterable[Category]) -> None:
    for category in categories:
        await sql.execute(_OPT_IN, recipient, category)

"""Whom we do not write to: mailboxes that do not exist, and people who asked not to be asked.

Addresses are kept as keyed digests, which outlive the erasure of a person and name nobody.
"""

import hmac
from collections.abc import Iterable

from mailers.catalogue import CATALOGUE, Category
from mailers.outbox import now
from models import sql
from models.uuid7 import uuid7

NO_SUCH_MAILBOX = "the mailbox does not exist"
OPTED_OUT = "the recipient does not want such mails"

_WHY_NOT = """
SELECT 0 AS opted_out FROM mail_suppression WHERE recipient_hash = ?
UNION ALL SELECT 1 FROM mail_optout WHERE recipient_hash = ? AND category = ?"""

_SUPPRESS = """
INSERT INTO mail_suppression (recipient_hash, reason, suppressed_at) VALUES (?, ?, ?)
ON CONFLICT DO NOTHING"""


_DECLINED = "SELECT category FROM mail_optout WHERE recipient_hash = ?"

_OPT_OUT = """
INSERT INTO mail_optout (id, recipient_hash, category, opted_out_at) VALUES (?, ?, ?, ?)
ON CONFLICT DO NOTHING"""

_OPT_IN = "DELETE FROM mail_optout WHERE recipient_hash = ? AND category = ?"


def recipient_hash(secret: str, address: str) -> str:
    """32 hexadecimal digits; the same for every spelling of the address in upper and lower case."""
    name = address.strip().casefold().encode()
    return hmac.digest(secret.encode(), b"recipient:" + name, "sha256").hex()[:32]


async def why_not(mail: str, recipient: str) -> str | None:
    """The reason why this mail may not go to this recipient (a hash); None when it may."""
    category = CATALOGUE[mail].category
    rows = await sql.fetch(_WHY_NOT, recipient, recipient, category or "")
    if not rows:
        return None
    return OPTED_OUT if all(row["opted_out"] for row in rows) else NO_SUCH_MAILBOX


async def suppress(recipient: str, *, reason: str) -> None:
    await sql.execute(_SUPPRESS, recipient, reason[:200], now())


async def declined(recipient: str) -> set[Category]:
    """The categories that this recipient does not want."""
    return {Category(row["category"]) for row in await sql.fetch(_DECLINED, recipient)}


async def opt_out(recipient: str, categories: Iterable[Category]) -> None:
    """No more of these; saying it twice changes nothing."""
    for category in categories:
        await sql.execute(_OPT_OUT, uuid7(), recipient, category, now())


async def opt_in(recipient: str, categories: Iterable[Category]) -> None:
    for category in categories:
        await sql.execute(_OPT_IN, recipient, category)

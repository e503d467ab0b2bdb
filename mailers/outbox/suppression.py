"""Whom we do not write to: mailboxes that do not exist, and people who asked not to be asked.

Addresses are kept as keyed digests, which outlive the erasure of a person and name nobody.
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

_KNOWN = """
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
    """32 hexadecimal digits; the same for every spelling of the address in upper and lower case."""
    name = address.strip().casefold().encode()
    return hmac.digest(secret.encode(), b"recipient:" + name, "sha256").hex()[:32]


async def objections(recipients: Iterable[str]) -> dict[str, set[str]]:
    """What is known against writing to these recipients (hashes), by one question.

    The categories that each has declined; an empty name stands for a missing mailbox.
    """
    hashes = list(recipients)
    known: dict[str, set[str]] = {}
    if hashes:
        statement = _KNOWN.format(sql.places(hashes))
        for row in await sql.fetch(statement, *hashes, *hashes):
            known.setdefault(row["recipient_hash"], set()).add(row["category"])
    return known


def why_not(mail: str, against: AbstractSet[str]) -> str | None:
    """The reason why this mail may not go to a recipient with these objections, if there is one."""
    if "" in against:
        return NO_SUCH_MAILBOX
    return OPTED_OUT if CATALOGUE[mail].category in against else None


async def suppress(recipient: str, *, reason: str) -> None:
    await sql.execute(_SUPPRESS, recipient, reason[:200], now())


async def declined(recipient: str) -> set[Category]:
    """The categories that this recipient does not want."""
    names = {row["category"] for row in await sql.fetch(_DECLINED, recipient)}
    return {category for category in Category if category in names}


async def opt_out(recipient: str, categories: Iterable[Category]) -> None:
    """No more of these; saying it twice changes nothing."""
    for category in categories:
        await sql.execute(_OPT_OUT, uuid7(), recipient, category, now())


async def opt_in(recipient: str, categories: Iterable[Category]) -> None:
    for category in categories:
        await sql.execute(_OPT_IN, recipient, category)

"""Two customers, two vendors and their orders, as a feed sends them."""

from datetime import UTC, datetime, timedelta

from models import Customer

NOW = datetime.now(UTC).replace(microsecond=0)
GOOD = {"externalId": "NINA", "displayName": "Nina"}
EVIL = {"externalId": "EVIL", "displayName": "Evil"}
LAMP, THING = {"externalId": "LAMP", "title": "A lamp"}, {"externalId": "THING", "title": "A thing"}
WILMA = {"externalId": "WILMA", "displayName": "Wilma Witness", "email": "wilma@example.com"}
# Wilma's id with an attacker's facts.
NOBODY = WILMA | {"displayName": "Nobody Special", "email": "attacker@example.com", "locale": "fi"}
BOB = {"externalId": "BOB", "displayName": "Bob Baker", "email": "bob@example.com"}


def ago(**span):
    return (NOW - timedelta(**span)).isoformat()


def order(id="ORDER-1", **changes):
    """A completed order of Wilma's from the honest vendor."""
    return {
        "externalId": id,
        "status": "COMPLETED",
        "completedAt": ago(days=1),
        "customer": WILMA,
        "vendor": GOOD,
        "service": LAMP,
    } | changes


def evils(id="EVIL-1", **changes):
    """The same from the malicious vendor."""
    return order(id, vendor=EVIL, service=THING) | changes


def outcomes(results):
    """The outcome of each row, or the codes of its errors."""
    return [r["outcome"] or ",".join(error["code"] for error in r["errors"]) for r in results]


def places(result, what="errors"):
    """The paths of the errors or warnings, within the row."""
    return [".".join(error["field"][3:]) for error in result[what]]


async def shown_author(nobody):
    found = await nobody.ask("{ reviews { nodes { author { displayName } } } }")
    return [node["author"]["displayName"] for node in found["reviews"]["nodes"]]


async def facts(external_id="WILMA"):
    """A customer's stored name, e-mail address and language."""
    row = await Customer.get(external_id=external_id)
    return row.display_name, row.email, row.locale

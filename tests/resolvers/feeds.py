"""Two customers, two vendors and their orders, as a feed sends them."""

from datetime import UTC, datetime, timedelta

NOW = datetime.now(UTC).replace(microsecond=0)
GOOD = {"externalId": "NINA", "displayName": "Nina"}
EVIL = {"externalId": "EVIL", "displayName": "Evil"}
LAMP, THING = {"externalId": "LAMP", "title": "A lamp"}, {"externalId": "THING", "title": "A thing"}
WILMA = {"externalId": "WILMA", "displayName": "Wilma Witness", "email": "wilma@example.com"}
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

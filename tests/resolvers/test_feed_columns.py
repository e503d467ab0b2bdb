"""Every column that the feed writes: which key may write it, and bad values."""

import httpx
import pytest

from models import Notification
from tests.resolvers.feeds import (
    BOB,
    GOOD,
    LAMP,
    NOW,
    WILMA,
    ago,
    evils,
    order,
    outcomes,
)


@pytest.fixture(autouse=True)
def now(at):
    return at(NOW)


# For each column: a change, its table, and the result: stored, kept as it was, or the row refused.
# Results are for the marketplace's key, then the vendor's; each first for a customer sent by that
# key alone, then for one with an order of another vendor.
STORED, KEPT, REFUSED = "stored", "kept", "refused"


COLUMNS = {
    "status": ({"status": "CANCELLED"}, "orders", (STORED, STORED, REFUSED, REFUSED)),
    "completed_at": ({"completedAt": ago(hours=3)}, "orders", (STORED, STORED, REFUSED, REFUSED)),
    "reminders_allowed": ({"remindersAllowed": False}, "orders", (STORED,) * 4),
    "customer_id": ({"customer": BOB}, "orders", (STORED, STORED, REFUSED, REFUSED)),
    "service_id": ({"service": LAMP | {"externalId": "LAMP-2"}}, "orders", (STORED, STORED, REFUSED, REFUSED)),
    "updated_at": ({"updatedAt": ago(minutes=1)}, "orders", (STORED,) * 4),
    "display_name": ({"customer": WILMA | {"displayName": "W"}}, "customer", (STORED, STORED, STORED, KEPT)),
    "email": ({"customer": WILMA | {"email": "w@example.com"}}, "customer", (STORED, STORED, STORED, KEPT)),
    "locale": ({"customer": WILMA | {"locale": "fi"}}, "customer", (STORED, STORED, STORED, KEPT)),
    "vendor display_name": ({"vendor": GOOD | {"displayName": "N"}}, "vendor", (STORED,) * 4),
    "vendor email": ({"vendor": GOOD | {"email": "n@example.com"}}, "vendor", (STORED,) * 4),
    "vendor locale": ({"vendor": GOOD | {"locale": "fi"}}, "vendor", (STORED,) * 4),
    "title": ({"service": LAMP | {"title": "L"}}, "service", (STORED,) * 4),
    "url": ({"service": LAMP | {"url": "https://l.example"}}, "service", (STORED,) * 4),
}  # fmt: skip


# Columns about the feed itself, and columns derived from others.
BESIDE = {
    "orders": {"id", "external_id", "created_at", "link_version", "vendor_id", "fed",
               "updated_by_partner", "contact_email"},
    "customer": {"id", "external_id", "created_at", "told_at", "told_by_partner", "email_from"},
    "vendor": {"id", "external_id", "created_at", "told_at", "told_by_partner"},
    "service": {"id", "external_id", "created_at", "told_at", "told_by_partner", "title_folded",
                "vendor_id"},
}  # fmt: skip


async def test_the_table_names_every_column_that_the_feed_writes(send, stored):
    await send(order())
    rows = await stored()

    for table, beside in BESIDE.items():
        listed = {name.split()[-1] for name, (_, where, _) in COLUMNS.items() if where == table}
        assert listed | beside == set(rows[table][0])


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("case", range(4))
async def test_which_key_may_write_which_column(send, nina_key, evil_key, stored, column, case):
    changes, table, expected = COLUMNS[column]
    bound, shared = case >= 2, case % 2 == 1
    await send(order(), by=nina_key if bound and not shared else None)
    if shared:
        await send(evils(completedAt=ago(days=2)))
    rows = {"orders": "ORDER-1", "customer": "WILMA", "vendor": "NINA", "service": "LAMP"}
    name, key = column.split()[-1], rows[table]

    async def value():
        [row] = [row for row in (await stored())[table] if row["external_id"] == key]
        return row[name]

    before, all_before = await value(), await stored()
    results = await send(order(**changes), by=nina_key if bound else None)

    fate = expected[case]
    assert outcomes(results) == (["FORBIDDEN"] if fate == REFUSED else [results[0]["outcome"]])
    assert (await value() != before) == (fate == STORED)
    if fate == REFUSED:
        assert await stored() == all_before


BAD = {
    "customer.email": [
        {"customer": WILMA | {"email": address}}
        for address in ("maria@", "taro..y@docomo.ne.jp", '"john doe"@example.com', "not given",
                        "maria@localhost", "a@b.cd, e@f.gh", "a@b.cd\nBcc: x@y.zz")
    ],
    "customer.locale": [{"customer": WILMA | {"locale": "de;DROP"}}],
    "customer.displayName": [{"customer": WILMA | {"displayName": "W" * 201}}],
    "vendor.email": [{"vendor": GOOD | {"email": "nina@"}}],
    "vendor.displayName": [
        {"vendor": GOOD | {"displayName": name}} for name in (" ", "nina@example.com", "N" * 201)
    ],
    "service.url": [{"service": LAMP | {"url": "javascript:alert(1)"}}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("place", "changes"), [(place, row) for place, rows in BAD.items() for row in rows]
)
@pytest.mark.parametrize("known", [False, True])
async def test_a_bad_decoration_never_refuses_the_order(send, stored, place, changes, known):
    if known:
        await send(
            order(
                "ORDER-0",
                service=LAMP | {"url": "https://l.example"},
                customer=WILMA | {"locale": "de"},
            )
        )
    before = await stored()

    results = await send(order("ORDER-1", **changes))

    assert outcomes(results) == ["CREATED"]
    assert results[0]["errors"] == []
    assert [(w["code"], w["field"]) for w in results[0]["warnings"]] == [
        ("INVALID", ["input", "orders", "0", *place.split(".")])
    ]
    assert results[0]["warnings"][0]["message"]
    after = await stored()
    table, name = place.split(".")
    column = {"displayName": "display_name"}.get(name, name)
    [row] = after[table]
    assert row[column] == (before[table][0][column] if known else {"displayName": ""}.get(name))


async def test_a_refused_row_has_errors_and_no_warnings(send, stored):
    before = await stored()

    results = await send(order("", customer=WILMA | {"email": "maria@"}))

    assert (outcomes(results), results[0]["warnings"]) == (["INVALID"], [])
    assert await stored() == before


async def test_only_keys_may_feed_orders(client, wilma, stored):
    before = await stored()
    body = {
        "query": "mutation($o: [OrderInput!]!) { upsertOrders(input: {orders: $o}) { errors { code } results { externalId } } }",
        "variables": {"o": [order(handOver=True, updatedAt=ago(hours=1))]},
    }

    answer: httpx.Response = await client.post("/graphql", json=body)
    refused = await wilma.do("upsertOrders", orders=[order(handOver=True)])

    assert answer.json()["data"]["upsertOrders"] == {
        "errors": [{"code": "UNAUTHENTICATED"}],
        "results": [],
    }
    assert [error["code"] for error in refused["errors"]] == ["FORBIDDEN"]
    assert await stored() == before
    assert await Notification.all().count() == 0

"""The feed under attack: a vendor's key that wants another's mails, reviews or customers."""

from datetime import timedelta

import pytest

from mailers.letters.signed_links import Claim, Purpose, sign
from models import Order, OutboxMail, Review
from tests.resolvers.feeds import BOB, NOBODY, NOW, WILMA, ago, evils, facts, order, outcomes

SHILL = {"externalId": "SHILL", "displayName": "Sam Shill", "email": "shill@example.com"}


NAMELESS = {"externalId": "WILMA", "displayName": "Wilma Witness"}


@pytest.fixture(autouse=True)
def now(at):
    return at(NOW)


async def address_of(external_id):
    stored = await Order.get(external_id=external_id).select_related("customer")
    return stored.address_of(stored.customer)


# Addresses of mails with links


async def test_an_address_sent_by_a_vendors_key_does_not_follow_an_order_to_another_vendor(
    send, evil_key
):
    """Evil guesses an order number and a customer; the marketplace sends no addresses."""
    await send(evils("ORDER-7", status="PENDING", completedAt=None, customer=NOBODY), by=evil_key)

    results = await send(order("ORDER-7", customer=NAMELESS))

    assert outcomes(results) == ["UPDATED"]
    assert await address_of("ORDER-7") is None


async def test_an_address_sent_by_a_vendors_key_for_one_customer_is_not_used_for_the_next(
    send, nina_key, evil_key
):
    await send(evils(customer=BOB), by=evil_key)
    await send(order(status="IN_PROGRESS", completedAt=None), by=nina_key)

    await send(order(customer={"externalId": "BOB", "displayName": "Bob Baker"}))

    assert await address_of("ORDER-1") != "wilma@example.com"


async def test_a_vendors_key_cannot_redirect_mails_of_the_marketplaces_order(send, nina_key):
    await send(order())

    await send(order(customer=NOBODY), by=nina_key)

    assert await address_of("ORDER-1") == "wilma@example.com"


async def test_a_vendors_key_cannot_rename_the_author_of_a_review_of_the_vendor(
    send, nina_key, wilma, nobody
):
    await send(order())
    await wilma.do(
        "createReview", order={"externalId": "ORDER-1"}, rating=1, body="It flickers a lot."
    )

    await send(order(customer=WILMA | {"displayName": "Paid Liar"}), by=nina_key)

    found = await nobody.ask("{ reviews { nodes { author { displayName } } } }")
    assert found["reviews"]["nodes"] == [{"author": {"displayName": "Wilma W."}}]


# Completed orders


async def test_a_vendors_key_cannot_reassign_a_completed_order_by_reverting_its_status(
    send, nina_key
):
    await send(order(completedAt=ago(days=60)))

    await send(order(status="IN_PROGRESS", completedAt=None), by=nina_key)
    results = await send(
        order(status="COMPLETED", completedAt=ago(hours=1), customer=SHILL), by=nina_key
    )

    assert outcomes(results) == ["FORBIDDEN"]


async def test_a_vendors_key_cannot_reopen_a_review_window(send, nina_key, wilma, at):
    await send(order())
    at(NOW + timedelta(days=60))

    await send(order(completedAt=(NOW + timedelta(days=59)).isoformat()), by=nina_key)

    payload = await wilma.do(
        "createReview",
        order={"externalId": "ORDER-1"},
        rating=5,
        body="Paid to say: very good.",
    )
    assert [error["code"] for error in payload["errors"]] == ["WINDOW_CLOSED"]


# Older rows


async def test_a_row_of_a_vendors_key_does_not_let_an_older_row_of_the_marketplace_win(
    send, nina_key
):
    await send(order(updatedAt=ago(hours=2)))
    await send(order(updatedAt=ago(hours=1)), by=nina_key)

    results = await send(order(status="IN_PROGRESS", completedAt=None, updatedAt=ago(hours=3)))

    assert outcomes(results) == ["STALE"]


async def test_a_row_of_a_vendors_key_does_not_let_older_facts_of_a_person_win(send, nina_key):
    await send(order(updatedAt=ago(hours=2)))
    await send(order(updatedAt=ago(hours=1)), by=nina_key)

    await send(order("ORDER-0", updatedAt=ago(days=300), customer=NOBODY))

    assert await facts() == ("Wilma Witness", "wilma@example.com", None)


async def test_a_file_without_names_removes_no_name(send, tmp_path, app):
    from candor.imports.importing import Source, import_orders

    await send(order("ORDER-1", completedAt=ago(days=9)))
    path = tmp_path / "orders.csv"
    path.write_text(
        "order_id,status,completed_at,customer_id,vendor_id,vendor_name,service_id,service_title\n"
        f"ORDER-2,COMPLETED,{ago(days=2)},WILMA,NINA,Nina,LAMP,A lamp\n"
    )

    report = await import_orders(Source(path))

    assert report.failed == 0
    assert (await facts())[0] == "Wilma Witness"


# Mails


async def test_a_reminder_promised_again_has_the_right_recipient(send):
    await send(order())
    await send(order(customer=BOB))
    await send(order())

    mails = await OutboxMail.filter(mail="review.reminder", status="SCHEDULED")
    assert [(mail.recipient, mail.address) for mail in mails] == [("WILMA", "wilma@example.com")]


async def test_an_older_file_does_not_undo_a_newer_feed(send, tmp_path):
    from candor.imports.importing import Source, import_orders

    await send(order(status="REFUNDED", updatedAt=ago(hours=1)))
    path = tmp_path / "orders.csv"
    path.write_text(
        "order_id,status,completed_at,customer_id,customer_name,vendor_id,vendor_name,service_id,service_title\n"
        f"ORDER-1,COMPLETED,{ago(days=1)},WILMA,Wilma Witness,NINA,Nina,LAMP,A lamp\n"
    )

    await import_orders(Source(path))

    assert (await Order.get(external_id="ORDER-1")).status.value == "REFUNDED"


async def test_a_hand_over_invalidates_links_to_updates_and_open_forms(send, sam, client, settings):
    from models import OrderUpdate

    await send(order())
    opened = await sam.do(
        "openUpdate", "orderUpdate { id }", order={"externalId": "ORDER-1"}, title="Where is it?"
    )
    await sam.do("solveUpdate", updateId=opened["orderUpdate"]["id"], notifyCustomer=True)
    row, update = await Order.get(), await OrderUpdate.get()
    rate = sign(
        settings.secret, Claim(Purpose.RATE_UPDATE, update.id, version=row.link_version, number=1)
    )
    review = sign(settings.secret, Claim(Purpose.REVIEW, row.id, version=row.link_version))

    async def tried():
        found = []
        for token in (rate, review):
            body = {"query": "{ __typename viewer { role } }"}
            headers = {"Authorization": f"Bearer {token}"}
            found.append((await client.post("/graphql", json=body, headers=headers)).status_code)
        form = await client.post(f"/r/{review}", data={"rating": "1", "body": "It flickers a lot."})
        rated = await client.post(f"/u/{rate}", data={"stars": "1"})
        return [*found, form.status_code, rated.status_code]

    await send(order(customer=BOB))

    assert await tried() == [401, 401, 404, 404]
    assert await Review.all().count() == 0
    assert (await OrderUpdate.get()).status.value != "CLOSED"

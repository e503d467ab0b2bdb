"""Rows that a newer version wrote during a rolling update: unknown values break no list."""

import pytest

from mailers.outbox import claims
from models import MailStatus, OutboxMail, sql
from models.uuid7 import uuid7
from schema import ids

NEWER = "NEWER"
INBOX = """{ viewer { unreadNotificationCount
    notifications { totalCount pageInfo { hasNextPage } nodes { id kind readAt } } } }"""
NODE = "query($id: ID!) { node(id: $id) { id } }"


async def _rename(table, column, id):
    await sql.execute(f'UPDATE {table} SET "{column}" = ? WHERE id = ?', NEWER, ids.decode(id)[1])


async def test_an_inbox_with_a_notice_of_another_kind(review, nina, app):
    await review("ORDER-1")
    await review("ORDER-2")
    odd, known = (await nina.ask(INBOX))["viewer"]["notifications"]["nodes"]
    await _rename("notification", "kind", odd["id"])

    inbox = (await nina.ask(INBOX))["viewer"]
    alone = await nina.ask(NODE, id=odd["id"])
    await nina.do("markNotificationsRead", all=True)

    assert inbox["unreadNotificationCount"] == inbox["notifications"]["totalCount"] == 1
    assert [each["id"] for each in inbox["notifications"]["nodes"]] == [known["id"]]
    assert alone == {"node": None}
    # For the newer version it is still unread.
    unread = await sql.fetch("SELECT kind FROM notification WHERE read_at IS NULL")
    assert NEWER in [row["kind"] for row in unread]


@pytest.mark.parametrize("column", ["kind", "actor_role"])
async def test_a_tracking_log_with_an_event_of_another_kind(column, open_update, sam, app):
    await open_update(message="Hello.")
    log = "{ trackingLog { totalCount nodes { id kind actorRole } } }"
    odd, *others = (await sam.ask(log))["trackingLog"]["nodes"]
    await _rename("tracking_event", column, odd["id"])

    assert await sam.ask(log) == {"trackingLog": {"totalCount": len(others), "nodes": others}}
    assert await sam.ask(NODE, id=odd["id"]) == {"node": None}


MAILS = "{ mailDeliveries { totalCount nodes { id mail status failures { status } } } }"


async def _mails(person):
    return (await person.ask(MAILS))["mailDeliveries"]["nodes"]


@pytest.mark.parametrize("column", ["status", "audience"])
async def test_a_list_of_mails_with_one_in_another_state(column, review, ada, app):
    await review("ORDER-1")
    await review("ORDER-2")
    odd, *others = (await ada.ask(MAILS))["mailDeliveries"]["nodes"]
    await _rename("outbox_mail", column, odd["id"])
    key = ids.decode(others[0]["id"])[1]
    await sql.execute(
        "INSERT INTO mail_attempt (id, mail_id, status, failed_at) VALUES (?, ?, ?, 1)",
        uuid7(),
        key,
        NEWER,
    )

    assert await ada.ask(MAILS) == {"mailDeliveries": {"totalCount": len(others), "nodes": others}}
    assert await ada.ask(NODE, id=odd["id"]) == {"node": None}
    for mutation in ("retryMail", "cancelMail"):
        payload = await ada.do(mutation, id=odd["id"])
        assert [error["code"] for error in payload["errors"]] == ["NOT_FOUND"]


async def test_a_mail_of_another_name_is_listed_and_left_for_the_workers_that_know_it(
    review, ada, app
):
    await review()
    [mail] = [each for each in await _mails(ada) if each["mail"] == "review.received"]
    row = await OutboxMail.get(id=ids.decode(mail["id"])[1])
    late = claims.now() - 60_000
    held = {"status": "SENDING", "lease_token": "newer", "lease_until": late, "in_data": True}
    for names in ({}, held):
        given = {"id": uuid7(), "dedupe_key": uuid7().hex, "mail": "shop.opened", "due_at": late}
        fields = vars(row) | given | names
        await OutboxMail.create(**{name: fields[name] for name in OutboxMail._meta.fields_map})
    await OutboxMail.filter(id=row.id).update(due_at=late + 1)

    reaped = await claims.reclaim_expired(resend_in=1)
    claimed = await claims.claim_due(limit=10, lease=30)
    listed = await _mails(ada)
    later = await claims.next_due()

    assert reaped == 0
    assert [each.mail for each in claimed] == ["review.received"]
    assert later is None
    left = {each["status"] for each in listed if each["mail"] == "shop.opened"}
    assert left == {"SCHEDULED", "SENDING"}


async def test_it_can_be_cancelled_but_not_retried_here(review, ada, app):
    await review()
    [mail] = [each for each in await _mails(ada) if each["mail"] == "review.received"]
    named = OutboxMail.filter(id=ids.decode(mail["id"])[1])
    await named.update(mail="shop.opened", status=MailStatus.DEAD)

    retried = await ada.do("retryMail", id=mail["id"])

    assert [error["code"] for error in retried["errors"]] == ["CONFLICT"]
    assert (await named.get()).status is MailStatus.DEAD


REVIEWS = """{ service(ref: { externalId: "LOGO" }) { reviews {
    totalCount nodes { id status moderation { reason } } } } }"""


async def test_reviews_with_one_in_another_state(review, maria, ada, nobody, sam, app):
    odd = await review("ORDER-1")
    known = await review("ORDER-2")
    await ada.do("rejectReview", reviewId=odd["id"], reason="SPAM")
    await _rename("review", "status", odd["id"])

    for person in (maria, ada, nobody, sam):
        page = (await person.ask(REVIEWS))["service"]["reviews"]
        assert page["totalCount"] == 1
        assert [each["id"] for each in page["nodes"]] == [known["id"]]
        assert await person.ask(NODE, id=odd["id"]) == {"node": None}


async def test_a_rejection_for_another_reason_is_one_for_some_other_reason(review, maria, ada):
    odd = await review()
    await ada.do("rejectReview", reviewId=odd["id"], reason="SPAM")
    await _rename("review", "rejection_reason", odd["id"])

    [inbox] = (await maria.ask(REVIEWS))["service"]["reviews"]["nodes"]

    assert inbox["moderation"] == {"reason": "OTHER"}


UPDATES = "{ orderUpdates { totalCount nodes { id status order { externalId } } } }"


@pytest.mark.parametrize("what", ["update", "order"])
async def test_updates_with_one_in_another_state(what, open_update, solve, feed, sam, maria, app):
    odd = await open_update("ORDER-1")
    known = await open_update("ORDER-2")
    order = (await feed("ORDER-1"))["order"]["id"]
    if what == "update":
        await solve(odd)
        await _rename("order_update", "status", odd["id"])
    else:
        await _rename("orders", "status", order)

    for person in (sam, maria):
        page = (await person.ask(UPDATES))["orderUpdates"]
        assert (page["totalCount"], [each["id"] for each in page["nodes"]]) == (1, [known["id"]])
        assert await person.ask(NODE, id=odd["id"]) == {"node": None}
    if what == "order":
        assert await maria.ask(NODE, id=order) == {"node": None}
        assert (await feed("ORDER-1"))["outcome"] == "UPDATED"
        assert (await maria.ask(NODE, id=order))["node"] == {"id": order}


async def test_settings_with_words_of_another_version(review, ada, nobody):
    await review()
    await ada.do("updateSettings", siteName="Shop")
    await sql.execute("UPDATE site_settings SET share_audience = ?", NEWER)
    levels = [{"level": "LEVEL_0", "min_average": 100, "min_reviews": 1}]
    await sql.execute("UPDATE site_settings SET seller_levels = ?", levels)

    data = await nobody.ask(
        """{ settings { siteName shareAudience sellerLevels { level } }
             vendor(ref: { externalId: "NINA" }) { level } }"""
    )

    assert data == {
        "settings": {"siteName": "Shop", "shareAudience": "PROMOTERS", "sellerLevels": []},
        "vendor": {"level": "NEW_SELLER"},
    }

"""The life of an update, step by step over HTTP, as each of its participants."""

from models import OutboxMail

NOTHING = {
    "reply": False,
    "rate": False,
    "reportStillHasIssue": False,
    "solve": False,
    "reopen": False,
}


async def test_a_question_is_asked_answered_solved_rated_and_closed(
    feed, maria, sam, ada, act, show, outbox, events
):
    await feed("ORDER-1")
    await ada.do("updateSettings", adminEmail="ada@shop.example")

    # Maria asks; nobody is assigned, so the admin address gets the mail.
    payload = await maria.do(
        "openUpdate",
        "orderUpdate { id status title notes { nodes { body author { displayName isCustomer } } }"
        " viewerCan { reply rate reportStillHasIssue solve reopen } }",
        order={"externalId": "ORDER-1"},
        title="Where is it?",
        message="It should have come on Monday.",
    )
    update = payload["orderUpdate"]
    assert payload["errors"] == []
    assert update["status"] == "OPEN"
    assert update["notes"]["nodes"] == [
        {
            "body": "It should have come on Monday.",
            "author": {"displayName": "Maria S.", "isCustomer": True},
        }
    ]
    assert update["viewerCan"] == NOTHING | {"reply": True}
    assert await outbox() == ["review.reminder", "update.opened"]

    # Sam takes it, writes an internal note to a colleague, and answers.
    await act(sam, "assignUpdate", update, assignee={"externalId": "SAM"})
    await act(sam, "postNote", update, body="Nina forgot it again.", internal=True)
    payload = await act(sam, "postNote", update, body="It left today.")
    assert payload["orderUpdate"]["notes"]["totalCount"] == 3
    assert (await outbox())[2:] == ["note.from_staff"]

    # Maria sees the answer and not the internal note, and says thank you.
    view = await show(maria, update)
    assert [note["body"] for note in view["notes"]["nodes"]] == [
        "It should have come on Monday.",
        "It left today.",
    ]
    assert view["notes"]["totalCount"] == 2
    assert view["assignee"] == {"externalId": "SAM", "displayName": "Sam"}
    await act(maria, "postNote", update, body="Thanks!")
    assert (await outbox())[2:] == ["note.from_staff", "note.from_customer"]

    # Sam solves it, with notice. The stars replace the reply box.
    payload = await act(sam, "solveUpdate", update, notifyCustomer=True)
    assert payload["orderUpdate"]["status"] == "SOLVED"
    assert payload["orderUpdate"]["viewerCan"] == NOTHING | {"reply": True, "reopen": True}
    assert (await show(maria, update))["viewerCan"] == NOTHING | {
        "rate": True,
        "reportStillHasIssue": True,
    }
    assert (await outbox())[-1] == "update.solved"

    # Not quite: Maria reopens it without Sam, and the mail that was not sent yet is withdrawn.
    payload = await act(maria, "reportStillHasIssue", update, note="It is the wrong colour.")
    assert payload["orderUpdate"]["status"] == "OPEN"
    assert payload["orderUpdate"]["solvedAt"] is None
    assert (await outbox())[3:] == ["note.from_customer", "update.still_has_issue"]

    # Sam solves it again, reopens it by mistake, and solves it.
    await act(sam, "solveUpdate", update, notifyCustomer=False)
    await act(sam, "reopenUpdate", update, note="Oops.")
    assert (await show(maria, update))["notes"]["totalCount"] == 4
    await act(sam, "solveUpdate", update, notifyCustomer=True)

    # Maria rates. The update is closed for everybody.
    payload = await act(maria, "rateUpdate", update, stars=2, comment=" Slow. ")
    closed = payload["orderUpdate"]
    assert payload["errors"] == []
    assert closed["status"] == "CLOSED"
    assert closed["closedAt"] == closed["rating"]["ratedAt"]
    assert closed["rating"] | {"ratedAt": None} == {
        "stars": 2,
        "comment": "Slow.",
        "ratedAt": None,
        "creditedTo": {"externalId": "SAM"},
    }
    for person in (maria, sam, ada):
        assert (await show(person, update))["viewerCan"] == NOTHING
    assert sorted((await outbox())[-3:]) == ["rating.alert", "rating.detractor", "update.rated"]
    assert "update.solved" not in await outbox()
    alert = await OutboxMail.get(mail="rating.alert")
    assert (alert.audience, alert.recipient, alert.address) == (
        "ADMIN",
        "admin",
        "ada@shop.example",
    )

    # The log has every step.
    assert await events() == [
        "settings.changed",
        "update.opened",
        "note.posted",
        "update.assigned",
        "note.posted",
        "note.posted",
        "note.posted",
        "update.solved",
        "update.still_has_issue",
        "note.posted",
        "update.solved",
        "update.reopened",
        "note.posted",
        "update.solved",
        "update.rated",
    ]


async def test_a_guest_walks_the_same_way_by_the_link(open_update, solve, guest, act, show, sam):
    update = await open_update(message="We have a question.")
    await solve(update)
    link = guest(update=update["id"], solve=1)

    view = await show(link, update)
    assert view["order"] == {"externalId": "ORDER-1"}
    assert view["viewerCan"] == NOTHING | {"rate": True, "reportStillHasIssue": True}
    payload = await act(link, "reportStillHasIssue", update)
    assert payload["orderUpdate"]["status"] == "OPEN"
    payload = await act(link, "postNote", update, body="Here I am.")
    assert payload["orderUpdate"]["notes"]["nodes"][-1]["author"] == {
        "displayName": "Maria S.",
        "isCustomer": True,
    }
    await solve(update)
    payload = await act(guest(update=update["id"], solve=2), "rateUpdate", update, stars=5)
    assert payload["orderUpdate"]["status"] == "CLOSED"


async def test_a_guest_with_a_link_to_the_order_opens_and_rates(feed, guest, act, solve, maria):
    order = await feed("ORDER-1")
    link = guest(order=order["order"]["id"])

    payload = await link.do(
        "openUpdate", "orderUpdate { id }", order={"externalId": "ORDER-1"}, title="Hello"
    )
    update = payload["orderUpdate"]
    await solve(update)
    payload = await act(link, "rateUpdate", update, stars=4)

    assert payload["orderUpdate"]["rating"]["stars"] == 4


async def test_a_promoter_gets_one_mail_when_the_delay_is_over_and_the_admin_none(
    open_update, solve, maria, ada, act, at
):
    await ada.do("updateSettings", followUpDelayMinutes=90)
    update = await open_update()
    await solve(update)
    at("2030-01-01T12:00:00+00:00")

    await act(maria, "rateUpdate", update, stars=4)

    mail = await OutboxMail.get(mail="rating.promoter")
    assert (mail.audience, mail.recipient, mail.address) == (
        "CUSTOMER",
        "MARIA",
        "maria@example.com",
    )
    assert mail.due_at == 1_893_504_600_000
    assert not await OutboxMail.filter(mail__in=["rating.detractor", "rating.alert"]).exists()


async def test_the_alert_can_be_off(open_update, solve, maria, ada, act, outbox):
    given = {"detractorAlertEnabled": False, "adminEmail": "ada@shop.example"}
    await ada.do("updateSettings", **given)
    update = await open_update()
    await solve(update)

    await act(maria, "rateUpdate", update, stars=3)

    # It is not sent; the notice in the app comes.
    assert {*await outbox()} == {
        "review.reminder",
        "rating.detractor",
        "rating.alert",
        "update.rated",
    }
    alert = await OutboxMail.get(mail="rating.alert")
    assert (alert.audience, alert.recipient) == ("ADMIN", "admin")


async def test_a_rating_request_is_promised_for_each_noticed_solve_until_rated(
    open_update, solve, maria, sam, ada, act, outbox, at
):
    await ada.do("updateSettings", ratingRequestEnabled=True)
    update = await open_update()
    now = at("2030-01-01T12:00:00+00:00")
    await solve(update, notifyCustomer=False)
    assert await outbox() == ["review.reminder"]

    await act(sam, "reopenUpdate", update)
    await solve(update, notifyCustomer=True)
    assert sorted(await outbox())[1:] == ["update.rating_request", "update.solved"]
    request = await OutboxMail.get(mail="update.rating_request")
    assert request.due_at // 1000 - int(now.timestamp()) == 86_400
    assert request.params == {"solve": 2}

    await act(maria, "rateUpdate", update, stars=5)
    assert {*await outbox()} == {"review.reminder", "rating.promoter", "update.rated"}


async def test_what_is_told_in_the_app_leads_to_the_update(
    open_update, solve, maria, sam, ada, act, at
):
    update = await open_update(message="We have a question.")
    await act(sam, "assignUpdate", update, assignee={"externalId": "SAM"})
    await act(maria, "postNote", update, body="An answer.")
    await solve(update)
    await act(maria, "rateUpdate", update, stars=1)
    at("2099-01-01T00:00:00+00:00")
    query = "{ viewer { notifications { nodes { kind subject { ... on OrderUpdate { id } } } } } }"

    async def inbox(person):
        nodes = (await person.ask(query))["viewer"]["notifications"]["nodes"]
        return [(n["kind"], (n["subject"] or {}).get("id") == update["id"]) for n in nodes]

    assert await inbox(sam) == [("UPDATE_RATED", True), ("NOTE_FROM_CUSTOMER", True)]
    assert await inbox(ada) == [("RATING_ALERT", True)]
    assert [(kind, led) for kind, led in await inbox(maria) if kind != "REVIEW_REMINDER"] == [
        ("RATING_DETRACTOR", True),
        ("NOTE_FROM_STAFF", True),
    ]


async def test_nobody_is_told_of_the_own_action(feed, person, act, outbox):
    await feed("ORDER-1", customer={"externalId": "SAM", "displayName": "Sam"})
    sam = person("staff", "SAM", name="Sam")
    payload = await sam.do(
        "openUpdate",
        "orderUpdate { id }",
        order={"externalId": "ORDER-1"},
        title="Mine",
        message="Hello me.",
        assignee={"externalId": "SAM"},
    )
    update = payload["orderUpdate"]
    before = await outbox()

    customer = person("customer", "SAM", name="Sam")
    await act(customer, "postNote", update, body="To myself.")
    await act(sam, "solveUpdate", update, notifyCustomer=True)

    assert await outbox() == before == ["review.reminder"]

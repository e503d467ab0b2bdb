from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from mailers.letters import update_mailer
from mailers.letters.signed_links import Purpose, read
from mailers.letters.site import Site
from mailers.mail import Skipped
from models import OrderUpdate, OrderUpdateStatus, SiteSettings, TeamMember, UpdateNote, UpdateSolve

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
OPEN, SOLVED, CLOSED = OrderUpdateStatus


@dataclass
class Thread:
    update: OrderUpdate
    solve: UpdateSolve
    note: UpdateNote
    sam: TeamMember


@pytest.fixture
async def thread(cast, at):
    """Maria asked about her order, and Sam solved it once."""
    at(NOON)
    sam = await TeamMember.create(
        external_id="SAM", display_name="Sam", email="sam@nordlicht.example", created_at=NOON
    )
    update = await OrderUpdate.create(
        order=cast.order,
        title="Which colour?",
        status=SOLVED,
        customer_visible=True,
        assignee=sam,
        solves=1,
        created_at=NOON,
        solved_at=NOON,
        team_activity_at=NOON,
        customer_activity_at=NOON,
    )
    solve = await UpdateSolve.create(
        update=update,
        number=1,
        solved_by=sam,
        credited_to=sam,
        customer_visible=True,
        notified=True,
        solved_at=NOON,
    )
    note = await UpdateNote.create(
        update=update, author=sam, body="It is blue now.", internal=False, created_at=NOON
    )
    return Thread(update, solve, note, sam)


@pytest.fixture
def write(config):
    """Call a mailer with the stored settings; returns its mail or the reason for none."""

    async def make(mailer, update, **params):
        return await mailer(await Site.load(config), update.id, **params)

    return make


@pytest.fixture
async def settings(store):
    return await SiteSettings.create(
        key="site",
        site_name="Nordlicht",
        admin_email="Ada@Nordlicht.example",
        promoter_share_url="https://nordlicht.example/r",
    )


async def change(row, **values):
    await row.update_from_dict(values).save()


async def rate(thread, stars, comment="So it was."):
    await change(thread.solve, stars=stars, comment=comment, rated_at=NOON)
    await change(thread.update, status=CLOSED, closed_at=NOON)


@pytest.mark.parametrize("stars", [4, 5])
async def test_a_promoter_gets_thanks_a_quote_and_share_links(stars, write, thread, settings):
    await rate(thread, stars)

    mail = await write(update_mailer.promoter, thread.update)

    assert (mail.to.address, mail.subject) == (
        "maria@example.com",
        f"Thank you for {stars} of 5 stars",
    )
    assert "> So it was." in mail.text
    for network in ("facebook.com", "x.com/intent", "linkedin.com", "wa.me"):
        assert network in mail.html
    assert mail.unsubscribe


@pytest.mark.parametrize("stars", [1, 2, 3])
async def test_a_detractor_gets_a_note_that_can_be_answered_and_no_share_block(
    stars, write, thread, settings
):
    await rate(thread, stars)

    mail = await write(update_mailer.detractor, thread.update)

    assert mail.reply_to == "Ada@nordlicht.example"
    assert "mailto:Ada@nordlicht.example?subject=NL-1" in mail.html
    assert "wa.me" not in mail.html + mail.text


async def test_without_an_admins_address_no_mail_invites_an_answer(write, thread, settings):
    await rate(thread, 2)
    await change(settings, admin_email=None)

    mail = await write(update_mailer.detractor, thread.update)

    assert mail.reply_to is None
    assert "reply to this mail" not in mail.text + mail.html
    assert await write(update_mailer.alert, thread.update) == Skipped("no address is known")


async def test_without_that_address_the_active_admins_read_answers_and_alerts(
    write, thread, settings
):
    await rate(thread, 2)
    await change(settings, admin_email=None)
    for name, more in {
        "eva": {},
        "max": {},
        "left": {"deactivated_at": NOON},
        "staff": {"role": "STAFF"},
    }.items():
        who = {"external_id": name, "display_name": name, "email": f"{name}@nordlicht.example"}
        await TeamMember.create(**{"role": "ADMIN", "created_at": NOON} | who | more)

    mail = await write(update_mailer.detractor, thread.update)
    alert = await write(update_mailer.alert, thread.update, member="eva")

    assert mail.reply_to == "eva@nordlicht.example,max@nordlicht.example"
    assert "reply to this mail" in mail.text
    assert "mailto:eva@nordlicht.example,max@nordlicht.example?subject=NL-1" in mail.html
    assert alert.to.address == "eva@nordlicht.example"
    gone = Skipped("they are not in the team any more")
    assert await write(update_mailer.alert, thread.update, member="left") == gone


async def test_the_alert_tells_the_admin_who_was_unhappy_and_why(write, thread, settings):
    await rate(thread, 1)

    mail = await write(update_mailer.alert, thread.update)

    assert mail.to.address == "Ada@nordlicht.example"
    for part in ("Maria Souza", "Which colour?", "NL-1", "★☆☆☆☆", "> So it was.", "solved by Sam"):
        assert part in mail.text
    assert mail.unsubscribe is None


async def test_follow_ups_need_the_rating_that_they_follow(write, thread, settings):
    assert await write(update_mailer.promoter, thread.update) == Skipped("the rating is gone")

    await rate(thread, 3)
    assert await write(update_mailer.promoter, thread.update) == Skipped(
        "the rating has fewer stars now"
    )
    await change(thread.solve, stars=4)
    for mailer in (update_mailer.detractor, update_mailer.alert):
        assert await write(mailer, thread.update) == Skipped("the rating has more stars now")
    await change(settings, ratings_enabled=False)
    assert await write(update_mailer.promoter, thread.update) == Skipped("ratings are switched off")


async def test_the_mail_about_a_solve_can_rate_or_reopen_it(write, thread, settings, config):
    mail = await write(update_mailer.solved, thread.update, solve=1)

    link = "https://reviews.nordlicht.example/u/"
    token = mail.text.partition(link)[2].partition("?")[0]
    claim = read(config.secret, token, Purpose.RATE_UPDATE)
    assert (claim.subject, claim.version, claim.number) == (thread.update.id, 1, 1)
    assert claim.expires_at == NOON + timedelta(days=30)
    assert all(f"{link}{token}?stars={stars}" in mail.html for stars in range(1, 6))
    assert "still an issue" in mail.text


async def test_without_ratings_a_solved_update_can_only_be_reopened(write, thread, settings):
    await change(settings, ratings_enabled=False)

    mail = await write(update_mailer.solved, thread.update, solve=1)

    assert "stars=" not in mail.html + mail.text
    assert "There is still an issue" in mail.text
    assert await write(update_mailer.rating_request, thread.update, solve=1) == Skipped(
        "ratings are switched off"
    )


@pytest.mark.parametrize("mailer", [update_mailer.solved, update_mailer.rating_request])
async def test_there_is_no_mail_about_a_superseded_solve(mailer, write, thread, settings):
    await change(thread.update, status=OPEN, solved_at=None)
    assert await write(mailer, thread.update, solve=1) == Skipped("the update was reopened")

    await change(thread.update, status=SOLVED, solved_at=NOON, solves=2)
    assert await write(mailer, thread.update, solve=1) == Skipped("the update was reopened")
    assert not isinstance(await write(mailer, thread.update, solve=2), Skipped)

    await change(thread.update, status=CLOSED, closed_at=NOON)
    assert await write(mailer, thread.update, solve=2) == Skipped("the update is rated")


async def test_notes_go_to_the_other_side(write, thread, settings):
    to_customer = await write(
        update_mailer.note_from_staff, thread.update, note_id=str(thread.note.id)
    )
    await change(thread.note, author_id=None)
    to_team = await write(
        update_mailer.note_from_customer, thread.update, note_id=str(thread.note.id)
    )

    assert (to_customer.to.address, to_team.to.address) == (
        "maria@example.com",
        "sam@nordlicht.example",
    )
    assert "Sam wrote about “Which colour?”" in to_customer.text
    assert "Maria Souza wrote about “Which colour?”" in to_team.text
    assert "> It is blue now." in to_customer.text
    assert "Read it: https://reviews.nordlicht.example/u/" in to_customer.text
    assert to_customer.reply_to == "Ada@nordlicht.example"


async def test_a_note_without_a_reader_is_not_sent(write, thread, settings):
    note_id = str(thread.note.id)
    await change(thread.note, internal=True)
    assert await write(update_mailer.note_from_staff, thread.update, note_id=note_id) == Skipped(
        "the note is internal"
    )

    await change(thread.sam, email=None)
    assert await write(update_mailer.note_from_customer, thread.update, note_id=note_id) == Skipped(
        "no address is known"
    )
    await change(thread.update, assignee_id=None)
    assert await write(update_mailer.note_from_customer, thread.update, note_id=note_id) == Skipped(
        "nobody is assigned any more"
    )


async def test_the_customer_gets_no_mail_about_an_internal_update(write, thread, settings):
    await change(thread.update, customer_visible=False)

    for mailer, params in (
        (update_mailer.solved, {"solve": 1}),
        (update_mailer.rating_request, {"solve": 1}),
        (update_mailer.note_from_staff, {"note_id": str(thread.note.id)}),
    ):
        assert await write(mailer, thread.update, **params) == Skipped("the update is internal")


async def test_there_is_no_mail_about_a_deleted_update(write, thread, settings, cast):
    gone, params = cast.order, {"solve": 1, "note_id": str(thread.note.id)}

    for mailer in (
        update_mailer.promoter,
        update_mailer.detractor,
        update_mailer.alert,
        update_mailer.solved,
        update_mailer.rating_request,
        update_mailer.note_from_customer,
        update_mailer.note_from_staff,
    ):
        assert await write(mailer, gone, **params) == Skipped("the update is gone")


async def test_a_customer_without_an_address_is_skipped(write, thread, settings, cast):
    await change(cast.maria, email=None)
    await rate(thread, 5)

    assert await write(update_mailer.promoter, thread.update) == Skipped("no address is known")

from datetime import UTC, datetime, timedelta

import pytest

from mailers.letters import review_mailer
from mailers.letters.signed_links import Purpose, read
from mailers.letters.site import Site
from mailers.mail import Skipped
from models import OrderStatus, RejectionReason, ReviewStatus, SiteSettings

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def three_days_later(at):
    at(NOON, days=3)


@pytest.fixture
async def site(store, config):
    return await Site.load(config)


async def change(row, **values):
    await row.update_from_dict(values).save()


async def skipped(mailer, site, subject_id, **params):
    result = await mailer(site, subject_id, **params)
    assert isinstance(result, Skipped), result
    return result.because


async def test_the_vendor_gets_order_stars_and_text_in_their_language(site, cast):
    mail = await review_mailer.received(site, cast.review.id)

    assert (mail.to.address, mail.locale) == ("nina@example.com", "de")
    assert mail.subject == "Neue Bewertung zu Logo design: 4 von 5 Sternen"
    for part in (
        "Maria S.",
        "NL-1",
        "★★★★☆",
        "> Nina listened and delivered early.",
        "https://nordlicht.example/logo",
    ):
        assert part in mail.text
    assert "Souza" not in mail.text
    assert mail.unsubscribe is None


async def test_the_author_gets_the_reply(site, cast):
    await change(cast.review, reply_body="Thank you, Maria.", replied_at=NOON)

    mail = await review_mailer.replied(site, cast.review.id)

    assert (mail.to.address, mail.subject) == (
        "maria@example.com",
        "Nina's studio answered your review",
    )
    assert "> Thank you, Maria." in mail.text


async def test_the_author_is_notified_of_the_approval(site, cast):
    mail = await review_mailer.published(site, cast.review.id)

    assert mail.to.address == "maria@example.com"
    assert "https://nordlicht.example/logo" in mail.html


@pytest.mark.parametrize("reason", RejectionReason)
async def test_the_author_gets_the_reason_for_a_rejection(reason, site, cast):
    await change(
        cast.review,
        status=ReviewStatus.REJECTED,
        rejection_reason=reason,
        moderation_note="See rule 3.",
    )

    mail = await review_mailer.rejected(site, cast.review.id)

    assert reason.value not in mail.text
    assert "> See rule 3." in mail.text
    assert "/r/" in mail.text  # the window is open: the author may try again


@pytest.mark.parametrize(
    ("published", "disputed", "may_edit"),
    [(None, False, True), (1, False, True), (9, False, False), (None, True, False)],
)
async def test_whoever_may_edit_has_a_link_whatever_the_window(
    published, disputed, may_edit, cast, config, at
):
    await SiteSettings.create(key="site", review_edit_days=3, review_window_days=1)
    await change(
        cast.review,
        status=ReviewStatus.REJECTED,
        rejection_reason=RejectionReason.SPAM,
        published_at=None if published is None else NOON + timedelta(days=40 - published),
    )
    if disputed:
        await change(cast.order, status=OrderStatus.DISPUTED)
    at(NOON, days=40)

    mail = await review_mailer.rejected(await Site.load(config), cast.review.id)

    assert ("/r/" in mail.text) == may_edit


async def test_a_rejected_edit_is_told_with_its_words_and_the_reason(site, cast):
    refused = {"rating": 2, "body": "Call 555-0199.", "reason": "PERSONAL_INFORMATION", "note": "No numbers."}  # fmt: skip

    mail = await review_mailer.edit_rejected(site, cast.review.id, refused=refused)

    assert mail.to.address == "maria@example.com"
    for text in (mail.text, mail.html):
        assert "The version before them stays public." in text
        assert "Call 555-0199." in text
        assert "No numbers." in text
        assert "/r/" in text
    await change(cast.review, status=ReviewStatus.REJECTED)
    later = await review_mailer.edit_rejected(site, cast.review.id, refused=refused)
    assert later.because == "the review is not public"


@pytest.mark.parametrize(
    "mailer", [review_mailer.received, review_mailer.published, review_mailer.replied]
)
@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"status": ReviewStatus.PENDING}, "the review is not public"),
        ({"status": ReviewStatus.REJECTED}, "the review is not public"),
        ({"deleted_at": NOON}, "the review is gone"),
    ],
)
async def test_there_is_no_mail_about_a_review_that_is_not_public_any_more(
    mailer, values, reason, site, cast
):
    await change(cast.review, reply_body="Thanks", replied_at=NOON, **values)

    assert await skipped(mailer, site, cast.review.id) == reason


async def test_no_mail_without_its_cause(site, cast):
    assert await skipped(review_mailer.replied, site, cast.review.id) == "the reply is gone"
    assert (
        await skipped(review_mailer.rejected, site, cast.review.id)
        == "the review is not rejected any more"
    )
    assert await skipped(review_mailer.received, site, cast.order.id) == "the review is gone"
    assert await skipped(review_mailer.reminder, site, cast.review.id) == "the order is gone"


@pytest.mark.parametrize("email", [None, ""])
async def test_no_mail_without_an_address(email, site, cast):
    await change(cast.nina, email=email)

    assert await skipped(review_mailer.received, site, cast.review.id) == "no address is known"


async def test_the_reminder_has_stars_and_an_unsubscribe_link(site, cast, config):
    await cast.review.delete()

    mail = await review_mailer.reminder(site, cast.order.id, completed_at=NOON.isoformat())

    assert mail.subject == "How was Logo design?"
    assert "December 22, 2026" in mail.text
    link = "https://reviews.nordlicht.example/r/"
    token = mail.text.partition(link)[2].partition("?")[0]
    claim = read(config.secret, token, Purpose.REVIEW)
    assert (claim.subject, claim.version) == (cast.order.id, 1)
    assert claim.expires_at == datetime(2026, 12, 23, tzinfo=UTC)
    assert all(f"{link}{token}?rating={stars}" in mail.html for stars in range(1, 6))
    assert mail.unsubscribe in mail.text


@pytest.mark.parametrize(
    "status", [status for status in OrderStatus if status is not OrderStatus.COMPLETED]
)
async def test_nobody_is_reminded_of_an_order_that_is_not_complete(status, site, cast):
    await cast.review.delete()
    await change(cast.order, status=status)

    reason = await skipped(review_mailer.reminder, site, cast.order.id)

    assert reason == f"the order is {status.value.lower().replace('_', ' ')}"


@pytest.mark.parametrize(
    "values",
    [{}, {"status": ReviewStatus.PENDING}, {"status": ReviewStatus.REJECTED}, {"deleted_at": NOON}],
)
async def test_nobody_is_reminded_after_a_review_in_any_state(values, site, cast):
    await change(cast.review, **values)

    assert await skipped(review_mailer.reminder, site, cast.order.id) == "the order has a review"


async def test_each_reason_not_to_remind(site, cast, at, config):
    await cast.review.delete()

    async def reason():
        return await skipped(review_mailer.reminder, await Site.load(config), cast.order.id)

    at(datetime(2026, 12, 23, tzinfo=UTC))
    assert await reason() == "the review window is closed"
    at(datetime(2026, 12, 23, tzinfo=UTC), seconds=-1)
    assert not isinstance(await review_mailer.reminder(site, cast.order.id), Skipped)

    again = (NOON - timedelta(days=1)).isoformat()
    repeated = await skipped(review_mailer.reminder, site, cast.order.id, completed_at=again)
    assert repeated == "the order was completed again"

    await change(cast.nina, external_id="CUST-1")
    assert await reason() == "the vendor bought the own service"
    await change(cast.nina, external_id="VEND-1")
    await change(cast.order, completed_at=None)
    assert await reason() == "nobody knows when the order was completed"
    await change(cast.order, completed_at=NOON, reminders_allowed=False)
    assert await reason() == "reminders are not allowed for this order"


async def test_an_unlimited_window_never_closes(cast, config, at):
    await cast.review.delete()
    await SiteSettings.create(key="site", review_window_days=0)
    at(NOON, days=3000)

    mail = await review_mailer.reminder(await Site.load(config), cast.order.id)

    assert "until" not in mail.text


@pytest.mark.parametrize("url", [None, "javascript:alert(1)", "ftp://x.example", "//x.example"])
async def test_a_service_without_a_web_address_has_no_button(url, site, cast):
    await cast.review.fetch_related("service")
    await change(cast.review.service, url=url)

    mail = await review_mailer.received(site, cast.review.id)

    assert "javascript" not in mail.html
    assert 'class="button"' not in mail.html

"""`candor check`: finds problems of an installation."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import click

from candor.commands.environment import run_in_database, settings
from candor.settings import Settings
from mailers.outbox import admin_actions
from mailers.outbox.promise import milliseconds
from models import MailChannel, MailStatus, OutboxMail, Review, SiteSettings, clock, text_indexing
from models.database import reading_whole_tables
from models.site_settings import ShareAudience
from resolvers import rating_counters, site_settings, text_search

# ISO 20488 asks for a decision within ten days.
MODERATION_DEADLINE = timedelta(days=10)
MAIL_OVERDUE = timedelta(minutes=15)
# An idle worker sends within seconds.
MAIL_LATE = timedelta(seconds=10)
LAST_DAY = timedelta(days=1)
_REVIEW_SITES = ("google.", "g.page", "trustpilot.", "yelp.", "tripadvisor.")


@click.command()
@click.option("--repair", is_flag=True, help="Repair counters that disagree with the reviews.")
def check(*, repair: bool) -> None:
    """Look for problems: migrations, counters, lost or overdue mail. Exit 1 if there are any.

    Remarks on settings, a failing relay, late mails and moderation do not change the exit code.
    """
    problems, remarks = run_in_database(_all(repair=repair))
    for line in (*problems, *remarks):
        click.echo(line)
    if not all(repair and each.startswith("mended") for each in problems):
        raise SystemExit(1)
    click.echo("Nothing is wrong." if remarks else "Everything is in order.")


async def _all(*, repair: bool) -> tuple[list[str], list[str]]:
    now, configured = clock.now(), settings()
    problems = [each async for each in _problems(now, repair=repair)]
    remarks = [each async for each in _remarks(now, configured)]
    return problems, remarks


async def _problems(now: datetime, *, repair: bool) -> AsyncIterator[str]:
    """What must be fixed: each makes the command exit with 1."""
    async with reading_whole_tables():
        drifts = await (rating_counters.repair() if repair else rating_counters.drifts())
    for drift in drifts:
        yield (
            f"{'mended' if repair else 'wrong'}: the counter of {drift.kind.value.lower()}"
            f" {drift.subject_id} says {drift.stored.stars}, the reviews say {drift.counted.stars}"
        )
    async with reading_whole_tables():
        strays = await rating_counters.moved_services()
    for stray in strays:
        yield (
            f"wrong: service {stray.service} belongs to vendor {stray.vendor} now, but"
            f" {stray.reviews} of its reviews count for {stray.reviewed}; while all of them do,"
            " feed an order of it with that vendor"
        )
    async with reading_whole_tables():
        unfound = await (text_indexing.mark_missing() if repair else text_indexing.missing())
    if unfound:
        yield (
            f"{'mended' if repair else 'wrong'}: {unfound} reviews are missing in the index of"
            " texts, so searches do not find them; they were stored without the table's triggers"
        )
    due = await _oldest_due(now)
    if due < now - MAIL_OVERDUE:
        yield f"the oldest unsent mail was due at {due.isoformat()}: does a worker run?"
    fates = {
        MailStatus.DEAD: "were refused for good",
        MailStatus.UNCERTAIN: "may have been sent or not",
    }
    for status, fate in fates.items():
        stuck_mails = OutboxMail.filter(
            status=status, finished_at__gte=milliseconds(now - LAST_DAY)
        )
        if number := await stuck_mails.count():
            yield f"mails of the last day that {fate}: {number}; see mailDeliveries, retryMail"


async def _remarks(now: datetime, configured: Settings) -> AsyncIterator[str]:
    """What is no error by itself but needs attention."""
    pending_review = (
        await Review.filter(status="PENDING", deleted_at=None).order_by("created_at").first()
    )
    if pending_review is not None and pending_review.created_at < now - MODERATION_DEADLINE:
        yield f"a review waits for a moderator since {pending_review.created_at:%Y-%m-%d}"
    due = await _oldest_due(now)
    if now - MAIL_OVERDUE <= due < now - MAIL_LATE:
        yield f"mails are late: the oldest was due {(now - due).seconds} seconds ago"
    waiting = await text_indexing.waiting()
    if waiting > text_search.MAX_WAITING:
        yield f"searches are slow until a worker has indexed {waiting} reviews: does one run?"
    channel = await MailChannel.get_or_none(name="smtp")
    if channel is not None and channel.failures:
        yield (
            f"mail rests after {channel.failures} troubles in a row with the relay, the last:"
            f" {channel.last_error}"
        )
    site = await site_settings.current()
    if configured.production:
        for remark in (*_configuration_remarks(configured), *_site_remarks(site)):
            yield remark
    host = urlsplit(site.promoter_share_url or "").hostname or ""
    if site.share_audience is ShareAudience.PROMOTERS and any(
        part in host for part in _REVIEW_SITES
    ):
        yield (
            "the share URL is a review site and only promoters are asked to share: such sites"
            " forbid to ask only the happy ones; set shareAudience to EVERYONE"
        )


async def _oldest_due(now: datetime) -> datetime:
    due = await admin_actions.oldest_due()
    return datetime.fromtimestamp(due / 1000, UTC) if due is not None else now


def _configuration_remarks(configured: Settings) -> Iterator[str]:
    if configured.smtp_url.startswith("console:"):
        yield "mails are only printed: set CANDOR_SMTP_URL"
    if configured.mail_from.rstrip(">").endswith("@localhost"):
        yield "mails come from localhost: set CANDOR_MAIL_FROM"
    host = urlsplit(configured.public_url).hostname or ""
    if host in {"localhost", "127.0.0.1", "::1"}:
        yield "links in mails point to this machine alone: set CANDOR_PUBLIC_URL"


def _site_remarks(site: SiteSettings) -> Iterator[str]:
    """Settings that every mail needs and that no admin has changed from their defaults."""
    defaults = SiteSettings()
    if site.site_name == defaults.site_name:
        yield "the site has no name of its own: candor settings set siteName=…"
    if site.site_url == defaults.site_url:
        yield "mails do not know the site's address: candor settings set siteUrl=…"
    if site.admin_email is None:
        yield "nobody is told of bad ratings: candor settings set adminEmail=…"

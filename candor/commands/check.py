"""`candor check`: the doctor."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import click

from candor.command_line import run_in_database, settings
from candor.settings import Settings
from mailers import deliveries
from mailers.promise import milliseconds
from models import MailChannel, MailStatus, OutboxMail, Review, clock
from models.database import transaction
from models.site_settings import ShareAudience
from resolvers import rating_counters, site_settings

# ISO 20488 asks for a decision within ten days.
PATIENCE = timedelta(days=10)
MAIL_PATIENCE = timedelta(minutes=15)
LATELY = timedelta(days=1)
_REVIEW_SITES = ("google.", "g.page", "trustpilot.", "yelp.", "tripadvisor.")


@click.command()
@click.option("--repair", is_flag=True, help="Mend counters that disagree with the reviews.")
def check(*, repair: bool) -> None:
    """Look for what is wrong: settings, migrations, counters, mail, moderation. Exit 1 if any."""
    complaints = run_in_database(_all(repair=repair))
    for complaint in complaints:
        click.echo(complaint)
    if complaints and not (repair and all(each.startswith("mended") for each in complaints)):
        raise SystemExit(1)
    click.echo("Everything is in order.")


async def _all(*, repair: bool) -> list[str]:
    return [complaint async for complaint in _complaints(repair=repair)]


async def _complaints(*, repair: bool) -> AsyncIterator[str]:
    async with transaction():
        found = await (rating_counters.repair() if repair else rating_counters.drifts())
    for drift in found:
        yield (
            f"{'mended' if repair else 'wrong'}: the counter of {drift.kind.value.lower()}"
            f" {drift.subject_id} says {drift.stored.stars}, the reviews say {drift.counted.stars}"
        )
    for stray in await rating_counters.strays():
        yield (
            f"wrong: service {stray.service} belongs to vendor {stray.vendor} now, but"
            f" {stray.reviews} of its reviews count for {stray.reviewed}; while all of them do,"
            " feed an order of it with that vendor"
        )
    now = clock.now()
    pending_review = (
        await Review.filter(status="PENDING", deleted_at=None).order_by("created_at").first()
    )
    if pending_review is not None and pending_review.created_at < now - PATIENCE:
        yield f"a review waits for an admin since {pending_review.created_at:%Y-%m-%d}"
    async for complaint in _of_mail(now):
        yield complaint
    for complaint in _of_mail_settings(settings()):
        yield complaint
    site = await site_settings.current()
    host = urlsplit(site.promoter_share_url or "").hostname or ""
    if site.share_audience is ShareAudience.PROMOTERS and any(
        part in host for part in _REVIEW_SITES
    ):
        yield (
            "the share URL is a review site and only promoters are asked to share: such sites"
            " forbid to ask only the happy ones; set shareAudience to EVERYONE"
        )


async def _of_mail(now: datetime) -> AsyncIterator[str]:
    due = await deliveries.oldest_due()
    waiting = datetime.fromtimestamp(due / 1000, UTC) if due is not None else now
    if waiting < now - MAIL_PATIENCE:
        yield f"the oldest unsent mail was due at {waiting.isoformat()}: does a worker run?"
    channel = await MailChannel.get_or_none(name="smtp")
    if channel is not None and channel.failures:
        yield (
            f"mail rests after {channel.failures} troubles in a row with the relay, the last:"
            f" {channel.last_error}"
        )
    stuck = {
        MailStatus.DEAD: "were refused for good",
        MailStatus.UNCERTAIN: "may have been sent or not",
    }
    for status, fate in stuck.items():
        lately = OutboxMail.filter(status=status, finished_at__gte=milliseconds(now - LATELY))
        if number := await lately.count():
            yield f"mails of the last day that {fate}: {number}; see mailDeliveries, retryMail"


def _of_mail_settings(configured: Settings) -> Iterator[str]:
    if configured.production and configured.smtp_url.startswith("console:"):
        yield "mails are only printed: set CANDOR_SMTP_URL"
    if configured.production and configured.mail_from.rstrip(">").endswith("@localhost"):
        yield "mails come from localhost: set CANDOR_MAIL_FROM"
    host = urlsplit(configured.public_url).hostname or ""
    if configured.production and host in {"localhost", "127.0.0.1", "::1"}:
        yield "links in mails point to this machine alone: set CANDOR_PUBLIC_URL"

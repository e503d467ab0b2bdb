"""`candor check`: the doctor."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import click

from candor.command_line import run_in_database, settings
from models import OutboxMail, Review, clock
from models.database import transaction
from models.migrating import pending
from models.site_settings import ShareAudience
from resolvers import rating_counters, site_settings

# ISO 20488 asks for a decision within ten days.
PATIENCE = timedelta(days=10)
MAIL_PATIENCE = timedelta(minutes=15)
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
    missing = await pending(settings().database_url)
    if missing:
        return [f"migrations are pending: {', '.join(missing)}; run candor migrate"]
    return [complaint async for complaint in _complaints(repair=repair)]


async def _complaints(*, repair: bool) -> AsyncIterator[str]:
    async with transaction():
        found = await (rating_counters.repair() if repair else rating_counters.drifts())
    for drift in found:
        yield (
            f"{'mended' if repair else 'wrong'}: the counter of {drift.kind.value.lower()}"
            f" {drift.subject_id} says {drift.stored.stars}, the reviews say {drift.counted.stars}"
        )
    now = clock.now()
    pending_review = (
        await Review.filter(status="PENDING", deleted_at=None).order_by("created_at").first()
    )
    if pending_review is not None and pending_review.created_at < now - PATIENCE:
        yield f"a review waits for an admin since {pending_review.created_at:%Y-%m-%d}"
    mail = await OutboxMail.filter(status="SCHEDULED").order_by("due_at", "id").first()
    if mail is not None:
        due = datetime.fromtimestamp(mail.due_at / 1000, UTC)
        if due < now - MAIL_PATIENCE:
            yield f"the oldest unsent mail ({mail.mail}) was due at {due.isoformat()}"
    site = await site_settings.current()
    host = urlsplit(site.promoter_share_url or "").hostname or ""
    if site.share_audience is ShareAudience.PROMOTERS and any(
        part in host for part in _REVIEW_SITES
    ):
        yield (
            "the share URL is a review site and only promoters are asked to share: such sites"
            " forbid to ask only the happy ones; set shareAudience to EVERYONE"
        )

"""One claimed mail on its way: may it go, how did it end, and what is written down of that."""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable

from jinja2 import TemplateError

from mailers import outbox, suppression
from mailers.configuration import Pace
from mailers.letter import Letter, compose
from mailers.mail import Skipped
from mailers.outbox import Claimed
from mailers.retry_schedule import MAX_ATTEMPTS, delay
from mailers.site import Site
from mailers.smtp_verdict import Outcome, Verdict
from mailers.transport import Link

_log = logging.getLogger("candor.mail")

# Faults of ours, in a template or a mailer. What a data base or a network raises is no such fault.
_BUGS = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)


async def deliver(claimed: Claimed, link: Link, site: Site) -> Verdict | None:
    """Send a claimed mail and close its row; None when it never came to sending.

    The row of a mail that met trouble with the channel stays open: the caller gives it back when
    it knows for how long the channel rests.
    """
    if claimed.expires_at is not None and outbox.now() > claimed.expires_at:
        await outbox.finish(claimed, "EXPIRED", attempt=0, reason=outbox.OVERDUE)
        return None
    try:
        letter = await compose(claimed, site)
    except (*_BUGS, TemplateError) as error:
        _log.exception("mail %s (%s) cannot be written", claimed.id, claimed.mail)
        await outbox.finish(claimed, "DEAD", reason="it cannot be written", error=repr(error))
        return None
    if isinstance(letter, Skipped):
        await outbox.finish(claimed, "CANCELLED", attempt=0, reason=letter.because)
        return None
    pace = site.config.pace
    verdict = await _sent(claimed, letter, link, pace)
    await _insist(lambda: _record(claimed, letter, verdict, pace), claimed)
    return verdict


async def _sent(claimed: Claimed, letter: Letter, link: Link, pace: Pace) -> Verdict:
    async def gate() -> bool:
        return await outbox.mark(
            claimed, address=letter.address, dated_at=letter.dated_at, lease=pace.lease
        )

    return await link.send(sender=letter.sender, to=letter.address, raw=letter.raw, gate=gate)


async def _insist(write: Callable[[], Awaitable[None]], claimed: Claimed) -> None:
    """Write down what became of a mail, however long the database is away.

    A server's 250 that is forgotten makes a mail uncertain that is not.
    """
    for wait in itertools.chain((0.2, 0.5, 1.0, 2.0), itertools.repeat(5.0)):
        try:
            await write()
        except Exception:  # noqa: BLE001 - drivers have many
            _log.exception("mail %s: its end is not written down yet", claimed.id)
            await asyncio.sleep(wait)
        else:
            return


async def _record(claimed: Claimed, letter: Letter, verdict: Verdict, pace: Pace) -> None:
    code, error = verdict.code, verdict.text
    match verdict.outcome:
        case Outcome.SENT:
            if not await outbox.finish(claimed, "SENT", code=code):
                await outbox.confirm(claimed)
        case Outcome.SILENT:
            await outbox.silence(claimed, why=error, resend_in=pace.resend)
        case Outcome.RETRY if claimed.attempts + 1 < MAX_ATTEMPTS or verdict.until_expiry:
            seconds = delay(pace, claimed.attempts + 1, verdict.retry_after)
            await outbox.reschedule(claimed, delay=seconds, code=code, error=error)
        case Outcome.RETRY:
            reason = "attempts used up"
            await outbox.finish(claimed, "DEAD", reason=reason, code=code, error=error)
        case Outcome.DEAD:
            if verdict.no_such_mailbox:
                await suppression.suppress(letter.recipient, reason=f"{code} {error}")
            await outbox.finish(claimed, "DEAD", reason="refused", code=code, error=error)

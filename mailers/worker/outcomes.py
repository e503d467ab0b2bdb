"""Stores how a mail ended."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

from mailers.configuration import Pace
from mailers.mail import Skipped
from mailers.outbox import claims, suppression
from mailers.outbox.batched_writes import Write
from mailers.outbox.claims import ClaimedMail
from mailers.outbox.retry_schedule import MAX_ATTEMPTS, delay
from mailers.smtp.verdict import Outcome, Verdict
from mailers.worker.compose import Broken, Message
from mailers.worker.error_log import ErrorLog


async def close_unsent(claimed: ClaimedMail, why: Skipped | Broken, write: Write) -> None:
    """Close a mail that is not sent."""
    if isinstance(why, Broken):
        reason = "it cannot be written"
        await claims.finish(claimed, "DEAD", reason=reason, error=why.error, write=write)
    else:
        await claims.finish(claimed, "CANCELLED", attempt=0, reason=why.because, write=write)


async def write_until_done(store: Callable[[], Awaitable[Any]], claimed: ClaimedMail) -> None:
    """Retry a write until the database accepts it, however long that takes.

    Losing a server's 250 would make a sent mail uncertain.
    """
    error_log = ErrorLog()
    for wait in itertools.chain((0.2, 0.5, 1.0, 2.0), itertools.repeat(5.0)):
        try:
            await store()
        except Exception as error:  # noqa: BLE001 - drivers have many
            error_log.report(f"mail {claimed.id}: its outcome is not stored yet", error)
            await asyncio.sleep(wait)
        else:
            return


async def record(
    claimed: ClaimedMail, message: Message, verdict: Verdict, pace: Pace, write: Write
) -> None:
    """Store a verdict.

    After a failure of the relay the mail stays claimed: the worker gives it back once it knows for
    how long the breaker is open.
    """
    code, error = verdict.code, verdict.text
    match verdict.outcome:
        case Outcome.SENT:
            if not await claims.finish(claimed, "SENT", code=code, write=write):
                await claims.confirm(claimed)
        case Outcome.UNANSWERED:
            await claims.settle_unanswered(claimed, why=error, resend_in=pace.resend, write=write)
        case Outcome.RETRY if claimed.attempts + 1 < MAX_ATTEMPTS or verdict.until_expiry:
            seconds = delay(pace, claimed.attempts + 1, verdict.retry_after)
            await claims.reschedule(claimed, delay=seconds, code=code, error=error, write=write)
        case Outcome.RETRY:
            how = {"reason": "attempts used up", "code": code, "error": error}
            await claims.finish(claimed, "DEAD", write=write, **how)
        case Outcome.DEAD:
            if verdict.no_such_mailbox:
                await suppression.suppress(message.recipient, reason=f"{code} {error}")
            how = {"reason": "refused", "code": code, "error": error}
            await claims.finish(claimed, "DEAD", write=write, **how)

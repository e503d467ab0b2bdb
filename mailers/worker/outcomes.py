"""How a mail ended, and what is written down of that."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

from mailers.configuration import Pace
from mailers.mail import Skipped
from mailers.outbox import claims, suppression
from mailers.outbox.batched_writes import Write
from mailers.outbox.claims import Claimed
from mailers.outbox.retry_schedule import MAX_ATTEMPTS, delay
from mailers.smtp.verdict import Outcome, Verdict
from mailers.worker.compose import Broken, Letter
from mailers.worker.error_log import Misfortune


async def close_unsent(claimed: Claimed, why: Skipped | Broken, write: Write) -> None:
    """Close a mail that does not go."""
    if isinstance(why, Broken):
        reason = "it cannot be written"
        await claims.finish(claimed, "DEAD", reason=reason, error=why.error, write=write)
    else:
        await claims.finish(claimed, "CANCELLED", attempt=0, reason=why.because, write=write)


async def insist(note: Callable[[], Awaitable[Any]], claimed: Claimed) -> None:
    """Write down what became of a mail, however long the database is away.

    A server's 250 that is forgotten makes a mail uncertain that is not.
    """
    misfortune = Misfortune()
    for wait in itertools.chain((0.2, 0.5, 1.0, 2.0), itertools.repeat(5.0)):
        try:
            await note()
        except Exception as error:  # noqa: BLE001 - drivers have many
            misfortune.tell(f"mail {claimed.id}: its end is not written down yet", error)
            await asyncio.sleep(wait)
        else:
            return


async def record(
    claimed: Claimed, letter: Letter, verdict: Verdict, pace: Pace, write: Write
) -> None:
    """Write down a verdict.

    The row of a mail that met trouble with the channel stays open: it is given back by whoever
    knows for how long the channel rests.
    """
    code, error = verdict.code, verdict.text
    match verdict.outcome:
        case Outcome.SENT:
            if not await claims.finish(claimed, "SENT", code=code, write=write):
                await claims.confirm(claimed)
        case Outcome.SILENT:
            await claims.silence(claimed, why=error, resend_in=pace.resend, write=write)
        case Outcome.RETRY if claimed.attempts + 1 < MAX_ATTEMPTS or verdict.until_expiry:
            seconds = delay(pace, claimed.attempts + 1, verdict.retry_after)
            await claims.reschedule(claimed, delay=seconds, code=code, error=error, write=write)
        case Outcome.RETRY:
            how = {"reason": "attempts used up", "code": code, "error": error}
            await claims.finish(claimed, "DEAD", write=write, **how)
        case Outcome.DEAD:
            if verdict.no_such_mailbox:
                await suppression.suppress(letter.recipient, reason=f"{code} {error}")
            how = {"reason": "refused", "code": code, "error": error}
            await claims.finish(claimed, "DEAD", write=write, **how)

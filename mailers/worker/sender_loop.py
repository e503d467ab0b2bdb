"""One sender of a worker: owns a connection, and carries one mail after the other.

What became of a mail is written down while the next one is introduced to the relay, but always
before the next one is marked: a sender never has more than one mail of which nobody could know.
"""

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass
from typing import Protocol

from mailers.configuration import MailConfig
from mailers.letters.site import Site
from mailers.outbox import claims
from mailers.outbox.batched_writes import Ledger
from mailers.outbox.claims import Claimed
from mailers.outbox.retry_schedule import MAX_ATTEMPTS, delay
from mailers.smtp.transport import Link
from mailers.smtp.verdict import Outcome, Verdict
from mailers.worker.circuit_breaker import Channel
from mailers.worker.compose import Letter, Written, compose
from mailers.worker.outcomes import close_unsent, insist, record
from mailers.worker.rate_limit import Tempo
from models.unavailable import Unavailable

_log = logging.getLogger("candor.mail")

# For so long a letter tells the world as it is, in seconds.
_FRESH = 0.5


@dataclass(frozen=True)
class Job:
    mail: Claimed
    # As it was when the mail was claimed.
    channel: Channel
    # None when it could not be written yet.
    letter: Written | None
    # When the world was looked at for it, by the monotonic clock.
    written_at: float


class Office(Protocol):
    """The worker, as its senders know it."""

    config: MailConfig
    waiting: asyncio.Queue[Job]
    ledger: Ledger
    tempo: Tempo
    stopping: asyncio.Event

    @property
    def rests(self) -> bool: ...

    def outdated(self, job: Job) -> bool: ...

    async def heed(self, job: Job, verdict: Verdict) -> None: ...

    def done(self, job: Job) -> None: ...


class Postman:
    """Carries what waits in the office, for ever."""

    def __init__(self, office: Office, link: Link) -> None:
        self._office, self._link = office, link
        # The mail that was taken last, until that is written down.
        self._last: tuple[Job, Letter, Verdict, asyncio.Future[bool]] | None = None

    async def run(self) -> None:
        while True:
            if self._office.waiting.empty():
                await self._settle()
            job = await self._office.waiting.get()
            try:
                taken = await self._carry(job)
            except Unavailable:  # no fault of the mail
                await self._let_go(job.mail)
                taken = False
            except Exception as error:  # noqa: BLE001 - nothing may end it
                _log.exception("mail %s (%s): the sender goes on", job.mail.id, job.mail.mail)
                await self._put_off(job.mail, error)
                taken = False
            if not taken:
                self._office.done(job)

    async def close(self) -> None:
        await self._link.close()

    async def _carry(self, job: Job) -> bool:
        """Whether the relay took the mail; that is written down later. The rest is settled."""
        office, mail = self._office, job.mail
        if office.tempo.now is not None:
            await self._settle()
        if not await office.tempo.turn(office.stopping) or office.rests:
            await claims.release(mail, write=office.ledger.write)
            return False
        if mail.expires_at is not None and claims.now() > mail.expires_at:
            how = {"reason": claims.OVERDUE, "attempt": 0}
            await claims.finish(mail, "EXPIRED", write=office.ledger.write, **how)
            return False
        letter = await self._letter(job)
        if not isinstance(letter, Letter):
            await close_unsent(mail, letter, office.ledger.write)
            return False
        verdict = await self._sent(mail, letter)
        if verdict.outcome is Outcome.SENT:
            entry = claims.finished(mail, "SENT", code=verdict.code)
            self._last = job, letter, verdict, office.ledger.put(entry)
            return True
        await self._note(mail, letter, verdict)
        if verdict.outcome is not Outcome.FENCED:
            await office.heed(job, verdict)
        return False

    async def _letter(self, job: Job) -> Written:
        """The letter, or why there is none; thought over again when it waited for too long.

        What ends a mail for good is decided on settings that are read for it.
        """
        is_old = time.monotonic() - job.written_at > _FRESH or self._office.outdated(job)
        if isinstance(job.letter, Letter) and not is_old:
            return job.letter
        [letter] = await compose([job.mail], await Site.load(self._office.config))
        return letter

    async def _sent(self, mail: Claimed, letter: Letter) -> Verdict:
        office = self._office

        async def gate() -> bool:
            await self._settle()
            return await claims.mark(
                mail,
                address=letter.address,
                dated_at=letter.dated_at,
                lease=office.config.pace.lease,
                write=office.ledger.write,
            )

        return await self._link.send(
            sender=letter.sender, to=letter.address, raw=letter.raw, gate=gate
        )

    async def _settle(self) -> None:
        """Wait until the end of the last mail is written down."""
        if self._last is None:
            return
        (job, letter, verdict, noted), self._last = self._last, None
        try:
            try:
                held = await noted
            except Exception:  # noqa: BLE001 - drivers have many
                await self._note(job.mail, letter, verdict)
            else:
                if not held:
                    await insist(lambda: claims.confirm(job.mail), job.mail)
            with contextlib.suppress(Exception):  # the next mail that is taken says the same
                await self._office.heed(job, verdict)
        finally:
            self._office.done(job)

    async def _note(self, mail: Claimed, letter: Letter, verdict: Verdict) -> None:
        pace, write = self._office.config.pace, self._office.ledger.write
        await insist(lambda: record(mail, letter, verdict, pace, write), mail)

    async def _let_go(self, mail: Claimed) -> None:
        """Give a mail back for which there is no database now; else its lease ends by itself."""
        with contextlib.suppress(Unavailable):
            await claims.release(mail, write=self._office.ledger.write)

    async def _put_off(self, mail: Claimed, error: Exception) -> None:
        """After an error that nobody foresaw: an attempt is used up, if the row can be reached."""
        pace, write = self._office.config.pace, self._office.ledger.write
        with contextlib.suppress(Exception):
            if mail.attempts + 1 >= MAX_ATTEMPTS:
                how = {"reason": "attempts used up", "error": repr(error)}
                await claims.finish(mail, "DEAD", write=write, **how)
            else:
                seconds = delay(pace, mail.attempts + 1, None)
                await claims.reschedule(mail, delay=seconds, error=repr(error), write=write)

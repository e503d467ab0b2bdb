"""Sender loop: owns one connection to the relay and sends one mail after the other.

A mail's outcome is stored while MAIL and RCPT of the next one are sent, but always before the next
one is marked: after a crash, at most one mail per sender is uncertain.
"""

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from mailers.configuration import MailConfig
from mailers.letters.site import Site
from mailers.outbox import claims
from mailers.outbox.batched_writes import BatchWriter
from mailers.outbox.claims import ClaimedMail
from mailers.outbox.retry_schedule import MAX_ATTEMPTS, delay
from mailers.smtp.transport import Link
from mailers.smtp.verdict import Outcome, Verdict
from mailers.worker.circuit_breaker import BreakerState
from mailers.worker.compose import Composed, Message, compose
from mailers.worker.outcomes import close_unsent, record, write_until_done
from mailers.worker.rate_limit import RateLimiter
from models.unavailable import Unavailable

_log = logging.getLogger("candor.mail")

# A message that waited longer, in seconds, is composed again.
_FRESH_FOR = 0.5


@dataclass(frozen=True)
class QueuedMail:
    """A claimed mail that waits for a sender."""

    mail: ClaimedMail
    # As it was when the mail was claimed.
    breaker: BreakerState
    # None if composing failed and the sender has to try again.
    composed: Composed | None
    # When its rows were read, by the monotonic clock.
    composed_at: float


class Dispatcher(Protocol):
    """The worker, as its senders know it."""

    config: MailConfig
    queue: asyncio.Queue[QueuedMail]
    writer: BatchWriter
    rate_limiter: RateLimiter
    stopping: asyncio.Event

    @property
    def breaker_is_open(self) -> bool: ...

    def is_stale(self, item: QueuedMail) -> bool: ...

    async def apply_verdict(self, item: QueuedMail, verdict: Verdict) -> None: ...

    def done(self, item: QueuedMail) -> None: ...


class _Accepted(NamedTuple):
    """A mail that the relay took; `stored` says later whether its lease still held."""

    item: QueuedMail
    message: Message
    verdict: Verdict
    stored: asyncio.Future[bool]


class SenderLoop:
    """Sends what the dispatcher queues, until it is cancelled."""

    def __init__(self, dispatcher: Dispatcher, link: Link) -> None:
        self._dispatcher, self._link = dispatcher, link
        self._last: _Accepted | None = None

    async def run(self) -> None:
        while True:
            if self._dispatcher.queue.empty():
                await self._settle_last()
            item = await self._dispatcher.queue.get()
            try:
                accepted = await self._send(item)
            except Unavailable:  # not the mail's fault
                await self._release(item.mail)
                accepted = False
            except Exception as error:  # noqa: BLE001 - the loop must survive
                _log.exception("mail %s (%s): the sender goes on", item.mail.id, item.mail.mail)
                await self._postpone(item.mail, error)
                accepted = False
            if not accepted:
                self._dispatcher.done(item)

    async def close(self) -> None:
        await self._link.close()

    async def _send(self, item: QueuedMail) -> bool:
        """Whether the relay took the mail; then `_settle_last` is still to come."""
        dispatcher, mail, write = self._dispatcher, item.mail, self._dispatcher.writer.write
        if dispatcher.rate_limiter.rate is not None:
            await self._settle_last()
        has_slot = await dispatcher.rate_limiter.wait_for_slot(dispatcher.stopping)
        if not has_slot or dispatcher.breaker_is_open:
            await claims.release(mail, write=write)
            return False
        if mail.expires_at is not None and claims.now() > mail.expires_at:
            await claims.finish(mail, "EXPIRED", reason=claims.OVERDUE, attempt=0, write=write)
            return False
        message = await self._composed(item)
        if not isinstance(message, Message):
            await close_unsent(mail, message, write)
            return False
        verdict = await self._deliver(mail, message)
        if verdict.outcome is Outcome.SENT:
            change = claims.final_change(mail, "SENT", code=verdict.code)
            self._last = _Accepted(item, message, verdict, dispatcher.writer.submit(change))
            return True
        await self._record(mail, message, verdict)
        if verdict.outcome is not Outcome.FENCED:
            await dispatcher.apply_verdict(item, verdict)
        return False

    async def _composed(self, item: QueuedMail) -> Composed:
        """The message, or why there is none; composed again if it waited for too long.

        A mail is only cancelled by settings that were read for it.
        """
        is_old = time.monotonic() - item.composed_at > _FRESH_FOR
        if (
            isinstance(item.composed, Message)
            and not is_old
            and not self._dispatcher.is_stale(item)
        ):
            return item.composed
        [composed] = await compose([item.mail], await Site.load(self._dispatcher.config))
        return composed

    async def _deliver(self, mail: ClaimedMail, message: Message) -> Verdict:
        dispatcher = self._dispatcher

        async def gate() -> bool:
            await self._settle_last()
            return await claims.mark(
                mail,
                address=message.address,
                dated_at=message.dated_at,
                lease=dispatcher.config.pace.lease,
                write=dispatcher.writer.write,
            )

        return await self._link.send(
            sender=message.sender, to=message.address, raw=message.raw, gate=gate
        )

    async def _settle_last(self) -> None:
        """Wait until the outcome of the last mail is stored."""
        if self._last is None:
            return
        last, self._last = self._last, None
        mail = last.item.mail
        try:
            try:
                held = await last.stored
            except Exception:  # noqa: BLE001 - drivers have many
                await self._record(mail, last.message, last.verdict)
            else:
                if not held:
                    await write_until_done(lambda: claims.confirm(mail), mail)
            with contextlib.suppress(Exception):  # the next accepted mail has the same effect
                await self._dispatcher.apply_verdict(last.item, last.verdict)
        finally:
            self._dispatcher.done(last.item)

    async def _record(self, mail: ClaimedMail, message: Message, verdict: Verdict) -> None:
        pace, write = self._dispatcher.config.pace, self._dispatcher.writer.write
        await write_until_done(lambda: record(mail, message, verdict, pace, write), mail)

    async def _release(self, mail: ClaimedMail) -> None:
        """Give a mail back; if the database is still away, its lease runs out."""
        with contextlib.suppress(Unavailable):
            await claims.release(mail, write=self._dispatcher.writer.write)

    async def _postpone(self, mail: ClaimedMail, error: Exception) -> None:
        """Use up an attempt after an unforeseen error, if the row can be written."""
        pace, write = self._dispatcher.config.pace, self._dispatcher.writer.write
        with contextlib.suppress(Exception):
            if mail.attempts + 1 >= MAX_ATTEMPTS:
                how = {"reason": "attempts used up", "error": repr(error)}
                await claims.finish(mail, "DEAD", write=write, **how)
            else:
                seconds = delay(pace, mail.attempts + 1, None)
                await claims.reschedule(mail, delay=seconds, error=repr(error), write=write)

"""Sends due mails until it is stopped, and does what is due now and then.

Any number of workers may share one outbox.

One task claims due mails and composes them; each sender loop owns a connection; other tasks renew
leases and reclaim the mails of dead workers. All of them survive errors: they log and go on.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence

from mailers.configuration import MailConfig
from mailers.from_address import Sender
from mailers.letters.site import Site
from mailers.outbox import claims, retention
from mailers.outbox.batched_writes import BatchWriter
from mailers.outbox.promise import notify_admins_of_refusal
from mailers.smtp.transport import open_link
from mailers.smtp.verdict import RelayFailure, Verdict
from mailers.worker.claim_size import ClaimSize
from mailers.worker.compose import Composed, compose
from mailers.worker.error_log import ErrorLog
from mailers.worker.rate_limit import RateLimiter
from mailers.worker.relay_health import RelayHealth
from mailers.worker.sender_loop import QueuedMail, SenderLoop
from models import announcements, statistics, text_indexing
from models.announcements import Missed

_GOES_ON = "the mail worker goes on after an error"
_MIN_NAP, _RETRY_AFTER, _HOUR = 0.005, 1.0, 3600.0
# Seconds between looks for texts to index.
_INDEX_EVERY = 5.0
# The site's settings are read again after this many seconds.
_SETTINGS_LAST = 0.1


class Worker:
    """A mail worker for one configuration. Raises ValueError if that is wrong."""

    def __init__(self, config: MailConfig) -> None:
        Sender.parse(config.mail_from)
        self.config = config
        self.queue: asyncio.Queue[QueuedMail] = asyncio.Queue()
        self.writer, self.rate_limiter = BatchWriter(), RateLimiter(config.rate)
        self._senders = [SenderLoop(self, open_link(config)) for _ in range(config.connections)]
        # Claimed mails whose outcome is not stored yet: all of them, and by lease.
        self._open = 0
        self._open_by_lease: dict[str, int] = {}
        self._wake, self.stopping = asyncio.Event(), asyncio.Event()
        self._relay = RelayHealth(config.pace)
        self._stale_before = 0.0
        self._claim_size = ClaimSize(config.connections, self.rate_limiter)
        self._site: Site | None = None
        self._site_until = 0.0
        self._error_log = ErrorLog()

    async def run(self) -> None:
        """Work until `stop`; then finish the mails being sent and give the others back."""
        pace = self.config.pace
        claimer = asyncio.create_task(self._claim_until_stopped())
        keepers = [
            asyncio.create_task(self._repeat(self._renew_leases, pace.lease / 3)),
            asyncio.create_task(self._repeat(self._reclaim, pace.lease / 2)),
            asyncio.create_task(self._repeat(retention.forget_old, _HOUR)),
            asyncio.create_task(self._repeat(self._refresh_statistics, 0)),
            asyncio.create_task(self._repeat(_index_texts, _INDEX_EVERY)),
            asyncio.create_task(self._repeat(text_indexing.tidy, _HOUR)),
            asyncio.create_task(self._repeat(self._listen, 0)),
        ]
        senders = [asyncio.create_task(sender.run()) for sender in self._senders]
        try:
            await self.stopping.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pace.stop):
                    await claimer  # first, for it may just be queueing mails
                    await self._give_back()
                    await self.queue.join()
        finally:
            await _cancel([claimer, *senders, *keepers])
            await asyncio.gather(self.writer.close(), *(each.close() for each in self._senders))

    async def _refresh_statistics(self) -> None:
        await asyncio.sleep(_HOUR)
        await statistics.refresh_where_nobody_does()

    def stop(self) -> None:
        self.stopping.set()
        self._wake.set()

    def wake(self) -> None:
        """Look for due mails now."""
        self._wake.set()

    async def _claim_until_stopped(self) -> None:
        while not self.stopping.is_set():
            try:
                await self._claim()
                await asyncio.sleep(0)
            except Exception as error:  # noqa: BLE001 - the loop must survive
                self._error_log.report(_GOES_ON, error)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.stopping.wait(), _RETRY_AFTER)

    async def _repeat(self, step: Callable[[], Awaitable[object]], every: float) -> None:
        while True:
            try:
                await step()
                await asyncio.sleep(every)
            except Exception as error:  # noqa: BLE001 - the loop must survive
                self._error_log.report(_GOES_ON, error)
                await asyncio.sleep(_RETRY_AFTER)

    async def _claim(self) -> None:
        """Keep the senders busy, then sleep until something may have changed.

        The next group is claimed as soon as half of the last one has left.
        """
        limit = self._claim_size.limit
        free = limit - self._open
        self._wake.clear()
        is_busy = free < limit / 2
        if not self.stopping.is_set() and (is_busy or await self._take(free) < free):
            nap = self.config.pace.poll if is_busy else await self._nap()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(nap):
                    await self._wake.wait()

    async def _take(self, limit: int) -> int:
        """Claim, compose and queue up to `limit` mails; how many, but 0 after a probe."""
        breaker = await self._relay.state()
        self._error_log.outage_is_over()
        if breaker.is_open or not (breaker.is_closed or await self._relay.may_probe(breaker)):
            return 0
        self._claim_size.record_claim()
        mails = await claims.claim_due(
            limit=limit if breaker.is_closed else 1, lease=self.config.pace.lease
        )
        for mail in mails:
            token = mail.lease_token
            self._open_by_lease[token] = self._open_by_lease.get(token, 0) + 1
        self._open += len(mails)
        composed: Sequence[Composed | None] = [None] * len(mails)
        moment = time.monotonic()
        try:
            if mails:
                composed = await compose(mails, await self._current_site())
        except Exception as error:  # noqa: BLE001 - each sender tries again, with its own mail
            self._error_log.report("the mail worker composes these mails one by one", error)
        for mail, each in zip(mails, composed, strict=True):
            self.queue.put_nowait(QueuedMail(mail, breaker, each, moment))
        return len(mails) if breaker.is_closed else 0

    async def _current_site(self) -> Site:
        """The site's settings, shared by claims in quick succession."""
        moment = time.monotonic()
        if self._site is None or moment > self._site_until:
            self._site, self._site_until = await Site.load(self.config), moment + _SETTINGS_LAST
        return self._site

    async def _nap(self) -> float:
        """Seconds until the next mail is due, a poll at most."""
        poll, due_at = self.config.pace.poll, await claims.next_due()
        if due_at is None or not self._relay.is_closed:
            return poll
        return min(poll, max(_MIN_NAP, (due_at - claims.now()) / 1000))

    @property
    def breaker_is_open(self) -> bool:
        """Whether the circuit breaker is open, as far as this worker knows."""
        return self._relay.is_open

    def is_stale(self, item: QueuedMail) -> bool:
        """Whether a mailbox was suppressed since this mail was composed."""
        return item.composed_at < self._stale_before

    def done(self, item: QueuedMail) -> None:
        """The outcome of a mail is stored, or it was given back."""
        self._open -= 1
        token = item.mail.lease_token
        self._open_by_lease[token] -= 1
        if not self._open_by_lease[token]:
            del self._open_by_lease[token]
        self.queue.task_done()
        self._wake.set()

    async def apply_verdict(self, item: QueuedMail, verdict: Verdict) -> None:
        """What a verdict means for the mails after this one, of all workers."""
        if verdict.no_such_mailbox:
            self._stale_before = time.monotonic()
        if verdict.failure is RelayFailure.THROTTLED:
            self.rate_limiter.throttle()
        pause = await self._relay.record(verdict, item.breaker.failures)
        if pause is None:
            return
        await claims.reschedule(
            item.mail,
            delay=pause.seconds,
            attempt=0,
            code=verdict.code,
            error=verdict.text,
            write=self.writer.write,
        )
        if pause.failure is RelayFailure.REFUSED:
            await notify_admins_of_refusal(item.mail.id)

    async def _listen(self) -> None:
        """Wake up for each notification: every promise writes one and announces it."""
        with (
            announcements.listener("notification") as listener,
            contextlib.suppress(Missed),
        ):
            while True:
                await listener.next()
                self.wake()
        self.wake()  # a missed announcement may have been of a due mail

    async def _renew_leases(self) -> None:
        await claims.renew_leases(list(self._open_by_lease), lease=self.config.pace.lease)

    async def _reclaim(self) -> None:
        await claims.expire()
        if await claims.reclaim_expired(resend_in=self.config.pace.resend):
            self._wake.set()

    async def _give_back(self) -> None:
        items = []
        while not self.queue.empty():
            items.append(self.queue.get_nowait())
        writes = (claims.release(item.mail, write=self.writer.write) for item in items)
        await asyncio.gather(*writes, return_exceptions=True)  # else their leases run out
        for item in items:
            self.done(item)


async def _index_texts() -> None:
    """Index the texts of reviews, as long as enough of them wait."""
    while await text_indexing.index_waiting():
        pass


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

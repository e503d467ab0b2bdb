"""Sends what is due until it is told to stop. Any number of workers may share one outbox.

One claimer takes due mails and has them written; each sender owns a connection; a heart keeps the
leases; a reaper frees the mails of workers that died. None of them dies of an error: it is logged,
and after a breath they go on.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from mailers.configuration import MailConfig
from mailers.from_address import Sender
from mailers.letters.site import Site
from mailers.outbox import claims, retention
from mailers.outbox.batched_writes import Ledger
from mailers.outbox.promise import tell_admins_of_refusal
from mailers.smtp.transport import open_link
from mailers.smtp.verdict import Outcome, Trouble, Verdict
from mailers.worker import circuit_breaker
from mailers.worker.circuit_breaker import Channel
from mailers.worker.claim_size import Appetite
from mailers.worker.compose import Written, compose
from mailers.worker.error_log import Misfortune
from mailers.worker.rate_limit import Tempo
from mailers.worker.sender_loop import Job, Postman
from models import announcements
from models.announcements import FellBehind, Missed

_log = logging.getLogger("candor.mail")

_GOES_ON = "the mail worker goes on after an error"
_BLINK, _BREATH, _HOUR = 0.005, 1.0, 3600.0
# So many refusals on account of our reputation within ten minutes are no accident.
_MOST_BLAMES, _BLAMES_WITHIN = 5, 600_000
_PROBE, _SETTINGS_LAST = 30.0, 0.1


class Worker:
    """A mail worker for one configuration. Raises ValueError when that is wrong."""

    def __init__(self, config: MailConfig) -> None:
        Sender.parse(config.mail_from)
        self.config = config
        self.waiting: asyncio.Queue[Job] = asyncio.Queue()
        self.ledger, self.tempo = Ledger(), Tempo(config.rate)
        self._postmen = [Postman(self, open_link(config)) for _ in range(config.connections)]
        # Mails that are not written down as ended, and how many of them each lease holds.
        self._open = 0
        self._held: dict[str, int] = {}
        self._wake, self.stopping = asyncio.Event(), asyncio.Event()
        self._seen, self._looked_at = Channel(), 0
        self._outdated_before = 0.0
        self._appetite = Appetite(config.connections, self.tempo)
        self._site: Site | None = None
        self._site_until = 0.0
        self._blames: deque[int] = deque(maxlen=_MOST_BLAMES)
        self._misfortune = Misfortune()

    async def run(self) -> None:
        """Work until `stop`; then finish what is being handed over and give the rest back."""
        pace = self.config.pace
        claimer = asyncio.create_task(self._claim_until_stopped())
        keepers = [
            asyncio.create_task(self._forever(self._beat, pace.lease / 3)),
            asyncio.create_task(self._forever(self._reap, pace.lease / 2)),
            asyncio.create_task(self._forever(retention.forget_old, _HOUR)),
            asyncio.create_task(self._forever(self._listen, 0)),
        ]
        senders = [asyncio.create_task(postman.run()) for postman in self._postmen]
        try:
            await self.stopping.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pace.stop):
                    await claimer  # whatever it has just claimed, it knows of
                    await self._give_back()
                    await self.waiting.join()
        finally:
            await _end([claimer, *senders, *keepers])
            await asyncio.gather(self.ledger.close(), *(each.close() for each in self._postmen))

    def stop(self) -> None:
        self.stopping.set()
        self._wake.set()

    def wake(self) -> None:
        """There may be something due: look now."""
        self._wake.set()

    async def _claim_until_stopped(self) -> None:
        while not self.stopping.is_set():
            try:
                await self._claim()
                await asyncio.sleep(0)
            except Exception as error:  # noqa: BLE001 - nothing may end it
                self._misfortune.tell(_GOES_ON, error)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.stopping.wait(), _BREATH)

    async def _forever(self, step: Callable[[], Awaitable[object]], every: float) -> None:
        while True:
            try:
                await step()
                await asyncio.sleep(every)
            except Exception as error:  # noqa: BLE001 - nothing may end it
                self._misfortune.tell(_GOES_ON, error)
                await asyncio.sleep(_BREATH)

    async def _claim(self) -> None:
        """Keep the senders busy, then sleep until something may have changed.

        Several mails are claimed and written at once, as soon as half of the last ones left.
        """
        most = self._appetite.most
        free = most - self._open
        self._wake.clear()
        enough = free < most / 2
        if not self.stopping.is_set() and (enough or await self._take(free) < free):
            nap = self.config.pace.poll if enough else await self._nap()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(nap):
                    await self._wake.wait()

    async def _take(self, limit: int) -> int:
        seen = await self._look()
        self._misfortune.is_over()
        if seen.rests or not (seen.works or await self._may_probe(seen)):
            return 0
        limit = limit if seen.works else 1
        self._appetite.claims()
        mails = await claims.claim_due(limit=limit, lease=self.config.pace.lease)
        for mail in mails:
            self._held[mail.lease_token] = self._held.get(mail.lease_token, 0) + 1
        self._open += len(mails)
        letters: Sequence[Written | None] = [None] * len(mails)
        moment = time.monotonic()
        try:
            if mails:
                letters = await compose(mails, await self._current_site())
        except Exception as error:  # noqa: BLE001 - each sender tries again, with its own mail
            self._misfortune.tell("the mail worker writes these mails one by one", error)
        for mail, letter in zip(mails, letters, strict=True):
            self.waiting.put_nowait(Job(mail, seen, letter, moment))
        return len(mails) if seen.works else 0

    async def _current_site(self) -> Site:
        """The site's settings, read once for claims that follow one another at once."""
        moment = time.monotonic()
        if self._site is None or moment > self._site_until:
            self._site, self._site_until = await Site.load(self.config), moment + _SETTINGS_LAST
        return self._site

    async def _look(self) -> Channel:
        """The channel, known for as long as a poll while it works."""
        age = claims.now() - self._looked_at
        if not self._seen.works or not 0 <= age < self.config.pace.poll * 1000:
            self._seen, self._looked_at = await circuit_breaker.look(), claims.now()
        return self._seen

    async def _may_probe(self, seen: Channel) -> bool:
        due_at = await claims.next_due()
        if due_at is None or due_at > claims.now():
            return False
        return await circuit_breaker.take_probe(seen, patience=min(_PROBE, self.config.pace.lease))

    async def _nap(self) -> float:
        poll, due_at = self.config.pace.poll, await claims.next_due()
        if due_at is None or not self._seen.works:
            return poll
        return min(poll, max(_BLINK, (due_at - claims.now()) / 1000))

    @property
    def rests(self) -> bool:
        """Whether the channel rests, as far as this worker knows."""
        return self._seen.rests

    def outdated(self, job: Job) -> bool:
        """Whether something happened that may concern a letter that was written before."""
        return job.written_at < self._outdated_before

    def done(self, job: Job) -> None:
        """The end of a job is written down."""
        self._open -= 1
        token = job.mail.lease_token
        self._held[token] -= 1
        if not self._held[token]:
            del self._held[token]
        self.waiting.task_done()
        self._wake.set()

    async def heed(self, job: Job, verdict: Verdict) -> None:
        """What a verdict says of the channel, for all workers."""
        failures = job.channel.failures
        if verdict.no_such_mailbox:
            self._outdated_before = time.monotonic()
        if verdict.trouble is Trouble.THROTTLED:
            self.tempo.be_careful()
        if verdict.outcome is not Outcome.CHANNEL:
            await circuit_breaker.works_again(failures)
            if not (verdict.blames_our_reputation and self._blamed_too_often()):
                return
            verdict, failures = replace(verdict, trouble=Trouble.REFUSED), 0
        seconds = await circuit_breaker.fails(failures, verdict, self.config.pace)
        self._seen, self._looked_at = await circuit_breaker.look(), claims.now()
        if verdict.trouble is Trouble.REFUSED:
            _log.error("mail is not accepted, it takes a human: %s", verdict.words)
        else:
            _log.warning("mail rests for %.0f s: %s", seconds, verdict.words)
        code, error = verdict.code, verdict.text
        await claims.reschedule(
            job.mail, delay=seconds, attempt=0, code=code, error=error, write=self.ledger.write
        )
        if verdict.trouble is Trouble.REFUSED:
            await tell_admins_of_refusal(job.mail.id)

    def _blamed_too_often(self) -> bool:
        moment = claims.now()
        self._blames.append(moment)
        within = moment - self._blames[0] <= _BLAMES_WITHIN
        return len(self._blames) == _MOST_BLAMES and within

    async def _listen(self) -> None:
        """Every mail comes with a notice, and that is announced: no need to wait for the poll."""
        with (
            announcements.listener("notification") as listener,
            contextlib.suppress(FellBehind, Missed),
        ):
            while True:
                await listener.next()
                self.wake()
        self.wake()  # whatever was missed, it may be due

    async def _beat(self) -> None:
        await claims.beat(list(self._held), lease=self.config.pace.lease)

    async def _reap(self) -> None:
        await claims.expire()
        if await claims.reap(resend_in=self.config.pace.resend):
            self._wake.set()

    async def _give_back(self) -> None:
        unsent = []
        while not self.waiting.empty():
            unsent.append(self.waiting.get_nowait())
        writes = (claims.release(job.mail, write=self.ledger.write) for job in unsent)
        await asyncio.gather(*writes, return_exceptions=True)  # their leases end without us
        for job in unsent:
            self.done(job)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

"""Sends what is due until it is told to stop. Any number of workers may share one outbox.

One claimer takes due mails; each sender owns a connection; a heart keeps the leases; a reaper
frees the mails of workers that died. None of them dies of an error: it is logged, and after a
breath they go on.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from mailers import channel, outbox, retention
from mailers.channel import Channel
from mailers.configuration import MailConfig
from mailers.delivery import deliver
from mailers.outbox import Claimed
from mailers.promise import tell_admins_of_refusal
from mailers.retry_schedule import MAX_ATTEMPTS, delay
from mailers.sender import Sender
from mailers.site import Site
from mailers.smtp_verdict import Outcome, Trouble, Verdict
from mailers.transport import Link, open_link
from models import announcements
from models.announcements import FellBehind

_log = logging.getLogger("candor.mail")

_BLINK, _BREATH, _HOUR = 0.005, 1.0, 3600.0
# So many refusals on account of our reputation within ten minutes are no accident.
_MOST_BLAMES, _BLAMES_WITHIN = 5, 600_000
_PROBE = 30.0


@dataclass(frozen=True)
class _Job:
    mail: Claimed
    # As it was when the mail was claimed.
    site: Site
    channel: Channel


class Worker:
    """A mail worker for one configuration. Raises ValueError when that is wrong."""

    def __init__(self, config: MailConfig) -> None:
        Sender.parse(config.mail_from)
        self._config = config
        self._links = [open_link(config) for _ in range(config.connections)]
        self._waiting: asyncio.Queue[_Job] = asyncio.Queue()
        self._held: dict[str, int] = {}
        self._busy = 0
        self._wake, self._stopping = asyncio.Event(), asyncio.Event()
        self._seen, self._looked_at = Channel(), 0
        self._blames: deque[int] = deque(maxlen=_MOST_BLAMES)

    async def run(self) -> None:
        """Work until `stop`; then finish what is being handed over and give the rest back."""
        pace = self._config.pace
        claimer = asyncio.create_task(self._forever(self._claim, 0))
        keepers = [
            asyncio.create_task(self._forever(self._beat, pace.lease / 3)),
            asyncio.create_task(self._forever(self._reap, pace.lease / 2)),
            asyncio.create_task(self._forever(self._tidy, _HOUR)),
            asyncio.create_task(self._forever(self._listen, 0)),
        ]
        senders = [asyncio.create_task(self._send(link)) for link in self._links]
        try:
            await self._stopping.wait()
            await _end([claimer])
            await self._give_back()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pace.stop):
                    await self._waiting.join()
        finally:
            await _end([claimer, *senders, *keepers])
            await asyncio.gather(*(link.close() for link in self._links))

    def stop(self) -> None:
        self._stopping.set()

    def wake(self) -> None:
        """There may be something due: look now."""
        self._wake.set()

    async def _forever(self, step: Callable[[], Awaitable[None]], every: float) -> None:
        while True:
            try:
                await step()
                await asyncio.sleep(every)
            except Exception:  # noqa: BLE001 - nothing may end it
                _log.exception("the mail worker goes on after an error")
                await asyncio.sleep(_BREATH)

    async def _claim(self) -> None:
        """Keep the senders busy, then sleep until something may have changed.

        As many mails as there are senders wait for one, so that a claim fetches several.
        """
        free = 2 * len(self._links) - self._busy - self._waiting.qsize()
        self._wake.clear()
        enough = free < len(self._links)
        if enough or await self._take(free) < free:
            nap = self._config.pace.poll if enough else await self._nap()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(nap):
                    await self._wake.wait()

    async def _take(self, limit: int) -> int:
        seen = await self._look()
        if seen.rests or not (seen.works or await self._may_probe(seen)):
            return 0
        site = await Site.load(self._config)
        limit = limit if seen.works else 1
        mails = await outbox.claim_due(limit=limit, lease=self._config.pace.lease)
        for mail in mails:
            self._held[mail.lease_token] = self._held.get(mail.lease_token, 0) + 1
            self._waiting.put_nowait(_Job(mail, site, seen))
        return len(mails) if seen.works else 0

    async def _look(self) -> Channel:
        """The channel, known for as long as a poll while it works."""
        age = outbox.now() - self._looked_at
        if not self._seen.works or not 0 <= age < self._config.pace.poll * 1000:
            self._seen, self._looked_at = await channel.look(), outbox.now()
        return self._seen

    async def _may_probe(self, seen: Channel) -> bool:
        due_at = await outbox.next_due()
        if due_at is None or due_at > outbox.now():
            return False
        return await channel.take_probe(seen, patience=min(_PROBE, self._config.pace.lease))

    async def _nap(self) -> float:
        poll, due_at = self._config.pace.poll, await outbox.next_due()
        if due_at is None or not self._seen.works:
            return poll
        return min(poll, max(_BLINK, (due_at - outbox.now()) / 1000))

    async def _send(self, link: Link) -> None:
        while True:
            job = await self._waiting.get()
            mail = job.mail
            self._busy += 1
            try:
                await self._deliver(job, link)
            except Exception as error:  # noqa: BLE001 - the same
                _log.exception("mail %s (%s): the sender goes on", mail.id, mail.mail)
                await self._put_off(mail, error)
            finally:
                self._busy -= 1
                self._forget(mail)
                self._waiting.task_done()
                self._wake.set()

    async def _deliver(self, job: _Job, link: Link) -> None:
        if self._seen.rests:  # since the mail was claimed
            await outbox.release(job.mail)
            return
        verdict = await deliver(job.mail, link, job.site)
        if verdict is not None and verdict.outcome is not Outcome.FENCED:
            await self._heed(job, verdict)

    async def _heed(self, job: _Job, verdict: Verdict) -> None:
        """What a verdict says of the channel, for all workers."""
        failures = job.channel.failures
        if verdict.outcome is not Outcome.CHANNEL:
            await channel.works_again(failures)
            if not (verdict.blames_our_reputation and self._blamed_too_often()):
                return
            verdict, failures = replace(verdict, trouble=Trouble.REFUSED), 0
        seconds = await channel.fails(failures, verdict, self._config.pace)
        self._seen, self._looked_at = await channel.look(), outbox.now()
        if verdict.trouble is Trouble.REFUSED:
            _log.error("mail is not accepted, it takes a human: %s", verdict.text)
        else:
            _log.warning("mail rests for %.0f s: %s", seconds, verdict.text)
        code, error = verdict.code, verdict.text
        await outbox.reschedule(job.mail, delay=seconds, attempt=0, code=code, error=error)
        if verdict.trouble is Trouble.REFUSED:
            await tell_admins_of_refusal(job.mail.id)

    def _blamed_too_often(self) -> bool:
        moment = outbox.now()
        self._blames.append(moment)
        within = moment - self._blames[0] <= _BLAMES_WITHIN
        return len(self._blames) == _MOST_BLAMES and within

    async def _put_off(self, mail: Claimed, error: Exception) -> None:
        """After an error that nobody foresaw: an attempt is used up, if the row can be reached."""
        with contextlib.suppress(Exception):
            if mail.attempts + 1 >= MAX_ATTEMPTS:
                await outbox.finish(mail, "DEAD", reason="attempts used up", error=repr(error))
            else:
                seconds = delay(self._config.pace, mail.attempts + 1, None)
                await outbox.reschedule(mail, delay=seconds, error=repr(error))

    async def _listen(self) -> None:
        """Every mail comes with a notice, and that is announced: no need to wait for the poll."""
        with announcements.listener("notification") as listener, contextlib.suppress(FellBehind):
            while True:
                await listener.next()
                self.wake()

    async def _beat(self) -> None:
        await outbox.beat(list(self._held), lease=self._config.pace.lease)

    async def _reap(self) -> None:
        await outbox.expire()
        if await outbox.reap(resend_in=self._config.pace.resend):
            self._wake.set()

    async def _tidy(self) -> None:
        await retention.forget_old()

    def _forget(self, mail: Claimed) -> None:
        self._held[mail.lease_token] -= 1
        if not self._held[mail.lease_token]:
            del self._held[mail.lease_token]

    async def _give_back(self) -> None:
        while not self._waiting.empty():
            mail = self._waiting.get_nowait().mail
            self._forget(mail)
            self._waiting.task_done()
            with contextlib.suppress(Exception):  # its lease ends without us
                await outbox.release(mail)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

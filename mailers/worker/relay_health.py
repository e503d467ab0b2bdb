"""What one worker knows about the relay: the shared circuit breaker, and refusals that blame us."""

import logging
from collections import deque
from dataclasses import replace
from typing import NamedTuple

from mailers.configuration import Pace
from mailers.outbox import claims
from mailers.smtp.verdict import Outcome, RelayFailure, Verdict
from mailers.worker import circuit_breaker
from mailers.worker.circuit_breaker import BreakerState

_log = logging.getLogger("candor.mail")

# This many refusals within ten minutes on account of our reputation are no accident.
_MAX_BLAMES, _BLAMES_WITHIN = 5, 600_000
_PROBE_TIMEOUT = 30.0


class Pause(NamedTuple):
    """Nothing is sent for this many seconds."""

    seconds: float
    failure: RelayFailure


class RelayHealth:
    """Reads the breaker at least once a poll, and for every claim while it is not closed."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._state, self._read_at = BreakerState(), 0
        self._blamed_at: deque[int] = deque(maxlen=_MAX_BLAMES)

    @property
    def is_closed(self) -> bool:
        return self._state.is_closed

    @property
    def is_open(self) -> bool:
        return self._state.is_open

    async def state(self) -> BreakerState:
        age = claims.now() - self._read_at
        if not self.is_closed or not 0 <= age < self._pace.poll * 1000:
            await self._read()
        return self._state

    async def may_probe(self, state: BreakerState) -> bool:
        """Whether a mail is due, and this worker is the one to send it as the probe."""
        due_at = await claims.next_due()
        if due_at is None or due_at > claims.now():
            return False
        seconds = min(_PROBE_TIMEOUT, self._pace.lease)
        return await circuit_breaker.claim_probe(state, seconds=seconds)

    async def record(self, verdict: Verdict, failures: int) -> Pause | None:
        """Open or close the breaker after a verdict on a mail that was claimed at `failures`."""
        if verdict.outcome is not Outcome.RELAY_FAILED:
            await circuit_breaker.record_success(failures)
            if not (verdict.blames_our_reputation and self._blamed_too_often()):
                return None
            verdict, failures = replace(verdict, failure=RelayFailure.REFUSED), 0
        seconds = await circuit_breaker.record_failure(failures, verdict, self._pace)
        await self._read()
        if verdict.failure is RelayFailure.REFUSED:
            _log.error("the relay refuses our mail, an operator must act: %s", verdict.summary)
        else:
            _log.warning("no mail is sent for %.0f s: %s", seconds, verdict.summary)
        return Pause(seconds, verdict.failure)

    async def _read(self) -> None:
        self._state, self._read_at = await circuit_breaker.read(), claims.now()

    def _blamed_too_often(self) -> bool:
        moment = claims.now()
        self._blamed_at.append(moment)
        within = moment - self._blamed_at[0] <= _BLAMES_WITHIN
        return len(self._blamed_at) == _MAX_BLAMES and within

"""Circuit breaker for the SMTP relay, shared by all workers through one row.

While it is open, nothing is claimed and no mail uses up an attempt. Then one worker at a time sends
one mail as a probe. Each write names the number of failures that its writer knew, so that eight
connections that fail together count as one failure.
"""

from dataclasses import dataclass

from mailers.configuration import Pace
from mailers.outbox.claims import now
from mailers.outbox.retry_schedule import pause
from mailers.smtp.verdict import RelayFailure, Verdict
from models import sql

_READ = "SELECT failures, down_until FROM mail_channel WHERE name = 'smtp'"

_RESET = """
UPDATE mail_channel SET failures = 0, down_until = 0
WHERE name = 'smtp' AND failures = ?"""

_INSERT = """
INSERT INTO mail_channel (name, failures, down_until) VALUES ('smtp', 0, 0)
ON CONFLICT DO NOTHING"""

_TRIP = """
UPDATE mail_channel SET failures = ?, down_until = ?, last_error = ?
WHERE name = 'smtp' AND failures = ?"""

_CLAIM_PROBE = """
UPDATE mail_channel SET down_until = ?
WHERE name = 'smtp' AND failures = ? AND down_until = ?"""

_MIN_THROTTLE, _MAX_THROTTLE = 60.0, 600.0


@dataclass(frozen=True)
class BreakerState:
    """The breaker's row when it was read. If neither open nor closed, it waits for a probe."""

    failures: int = 0
    down_until: int = 0

    @property
    def is_closed(self) -> bool:
        return self.failures == 0

    @property
    def is_open(self) -> bool:
        return self.down_until > now()


async def read() -> BreakerState:
    rows = await sql.fetch(_READ)
    return BreakerState(**rows[0]) if rows else BreakerState()


async def claim_probe(state: BreakerState, *, seconds: float) -> bool:
    """Whether this worker sends the probe; the others wait `seconds` for its result."""
    until = now() + int(seconds * 1000)
    return bool(await sql.execute(_CLAIM_PROBE, until, state.failures, state.down_until))


async def record_success(failures: int) -> None:
    """Close the breaker, unless it has failed again since `failures` were read."""
    if failures:
        await sql.execute(_RESET, failures)


async def record_failure(failures: int, verdict: Verdict, pace: Pace) -> float:
    """Open the breaker, unless another worker did since `failures` were read.

    Returns the seconds for which it stays open.
    """
    seconds = _open_for(failures + 1, verdict, pace)
    until = now() + int(seconds * 1000)
    await sql.execute(_INSERT)
    await sql.execute(_TRIP, failures + 1, until, verdict.summary[:300], failures)
    return seconds


def _open_for(failures: int, verdict: Verdict, pace: Pace) -> float:
    requested = verdict.retry_after or 0
    if verdict.failure is RelayFailure.THROTTLED:
        return min(max(requested, _MIN_THROTTLE), _MAX_THROTTLE, 2 * pace.longest_pause)
    if verdict.failure is RelayFailure.REFUSED:
        return pace.longest_pause
    return max(pause(pace, failures), min(requested, pace.longest_pause))

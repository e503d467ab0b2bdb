"""The breaker between the outbox and the relay, shared by all workers through one row.

While the relay is out, nothing is claimed and no mail uses up an attempt. Then one worker at a
time sends one mail as a probe. Writes name the number of troubles they have seen, so that eight
connections that fail together count as one trouble.
"""

from dataclasses import dataclass

from mailers.configuration import Pace
from mailers.outbox.claims import now
from mailers.outbox.retry_schedule import pause
from mailers.smtp.verdict import Trouble, Verdict
from models import sql

_READ = "SELECT failures, down_until FROM mail_channel WHERE name = 'smtp'"

_OPEN = """
UPDATE mail_channel SET failures = 0, down_until = 0
WHERE name = 'smtp' AND failures = ?"""

_INSERT = """
INSERT INTO mail_channel (name, failures, down_until) VALUES ('smtp', 0, 0)
ON CONFLICT DO NOTHING"""

_CLOSE = """
UPDATE mail_channel SET failures = ?, down_until = ?, last_error = ?
WHERE name = 'smtp' AND failures = ?"""

_PROBE = """
UPDATE mail_channel SET down_until = ?
WHERE name = 'smtp' AND failures = ? AND down_until = ?"""

_SHORTEST_THROTTLE, _LONGEST_THROTTLE = 60.0, 600.0


@dataclass(frozen=True)
class Channel:
    """What was last seen of it."""

    failures: int = 0
    down_until: int = 0

    @property
    def works(self) -> bool:
        return self.failures == 0

    @property
    def rests(self) -> bool:
        return self.down_until > now()


async def look() -> Channel:
    rows = await sql.fetch(_READ)
    return Channel(**rows[0]) if rows else Channel()


async def take_probe(seen: Channel, *, patience: float) -> bool:
    """Become the one that tries the channel; others wait `patience` seconds for the result."""
    until = now() + int(patience * 1000)
    return bool(await sql.execute(_PROBE, until, seen.failures, seen.down_until))


async def works_again(failures: int) -> None:
    if failures:
        await sql.execute(_OPEN, failures)


async def fails(failures: int, verdict: Verdict, pace: Pace) -> float:
    """Rest after trouble that was met with `failures` troubles known; for how many seconds."""
    seconds = _rest(failures + 1, verdict, pace)
    until = now() + int(seconds * 1000)
    await sql.execute(_INSERT)
    await sql.execute(_CLOSE, failures + 1, until, verdict.words[:300], failures)
    return seconds


def _rest(failures: int, verdict: Verdict, pace: Pace) -> float:
    if verdict.trouble is Trouble.THROTTLED:
        wish = max(verdict.retry_after or 0, _SHORTEST_THROTTLE)
        return min(wish, _LONGEST_THROTTLE, 2 * pace.longest_pause)
    if verdict.trouble is Trouble.REFUSED:
        return pace.longest_pause
    return max(pause(pace, failures), min(verdict.retry_after or 0, pace.longest_pause))

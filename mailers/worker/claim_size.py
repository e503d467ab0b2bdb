"""How many mails a worker holds: few, so that other workers get their share; many while they leave
quickly, because what is claimed, read and written together costs least.
"""

import time

from mailers.worker.rate_limit import Tempo

_FEW, _MANY, _QUICKLY = 2, 8, 0.25


class Appetite:
    def __init__(self, senders: int, tempo: Tempo) -> None:
        self._senders, self._tempo = senders, tempo
        self._each, self._claimed_at = _FEW, 0.0

    @property
    def most(self) -> int:
        """So many mails at most; no more than may leave in a second, if that is limited."""
        several, rate = self._each * self._senders, self._tempo.now
        return several if rate is None else max(1, min(several, int(rate)))

    def claims(self) -> None:
        """A claim is made now: one soon after the last says that mails leave quickly."""
        moment = time.monotonic()
        self._each = min(2 * self._each, _MANY) if moment - self._claimed_at < _QUICKLY else _FEW
        self._claimed_at = moment

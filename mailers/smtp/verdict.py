"""What an SMTP response, or none, means for the mail, the recipient and the relay.

Only a response that names a missing mailbox suppresses the recipient. A bare 5xx does not: a relay
that distrusts us says 550 as well, to every recipient. Each case is tested on a real server.
"""

import re
from dataclasses import dataclass
from enum import Enum

from aiosmtplib import SMTPRecipientRefused, SMTPResponseException


class Stage(Enum):
    CONNECT = "connect"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"


class Outcome(Enum):
    SENT = "sent"
    # A temporary refusal of this mail; uses up an attempt.
    RETRY = "retry"
    # A permanent refusal of this mail.
    DEAD = "dead"
    # About us or the relay, not this mail: no attempt is used up.
    RELAY_FAILED = "relay failed"
    # The whole text was sent, and no valid response came.
    UNANSWERED = "unanswered"
    # Before DATA the mail was cancelled, or its lease was lost.
    FENCED = "fenced"


class RelayFailure(Enum):
    OUTAGE = "outage"
    THROTTLED = "throttled"
    # Our sender or credentials, or a certificate: an operator must act.
    REFUSED = "refused"


@dataclass(frozen=True)
class Verdict:
    outcome: Outcome
    code: int | None = None
    text: str = ""
    # The server says that the mailbox does not exist.
    no_such_mailbox: bool = False
    # Seconds that the server asks us to wait.
    retry_after: float | None = None
    # Retry until the mail expires, beyond the limit of attempts: the mailbox is full.
    until_expiry: bool = False
    failure: RelayFailure = RelayFailure.OUTAGE

    @property
    def summary(self) -> str:
        """The server's text after its code."""
        return f"{self.code} {self.text}" if self.code else self.text

    @property
    def blames_our_reputation(self) -> bool:
        return self.outcome is Outcome.DEAD and _enhanced(self.text)[:1] == (7,)


_ENHANCED = re.compile(r"\s*[245]\.(\d{1,3})\.(\d{1,3})\b")
_NO_SUCH_MAILBOX = {(1, 1), (1, 2), (1, 3), (1, 6), (1, 10), (2, 1)}
_MISSING_WORDS = re.compile(
    r"no such|unknown|does(?: not|n't) exist|not found|invalid", re.IGNORECASE
)
_MAILBOX_WORDS = re.compile(r"user|mailbox|recipient|address", re.IGNORECASE)
_FULL = (2, 2)
_HINT = re.compile(
    r"(?:again|retry|wait)[^.]{0,40}?(\d{1,6})\s*(second|sec|minute|min|hour)", re.IGNORECASE
)
_UNITS = {"s": 1, "m": 60, "h": 3600}
_ACCEPTED, _CLOSING, _THROTTLING = 250, 421, 454
_TEMPORARY, _PERMANENT = range(400, 500), range(500, 600)
_CREDENTIALS = {530, 534, 535, 538}


def of_response(stage: Stage, code: int, text: str) -> Verdict:
    """What a response means at this stage."""
    about_us = _about_us(stage, code, text)
    if about_us is not None:
        return about_us
    if _enhanced(text) == _FULL:
        return Verdict(Outcome.RETRY, code, text, retry_after=_hint(text), until_expiry=True)
    if code in _TEMPORARY:
        return Verdict(Outcome.RETRY, code, text, retry_after=_hint(text))
    if code in _PERMANENT:
        return Verdict(Outcome.DEAD, code, text, no_such_mailbox=_is_missing(stage, code, text))
    # The text is accepted by 250 alone. A 250 that arrives here answered the DATA command itself,
    # before any text was sent.
    if stage is Stage.DATA and code != _ACCEPTED:
        return Verdict(Outcome.UNANSWERED, code, text)
    return Verdict(Outcome.RELAY_FAILED, code, text)


def of_error(stage: Stage, error: Exception) -> Verdict:
    """What an exception of aiosmtplib or of the socket means at this stage."""
    if isinstance(error, SMTPResponseException):
        at = Stage.RCPT if isinstance(error, SMTPRecipientRefused) else stage
        return of_response(at, error.code, str(error.message))
    words = f"{stage.value}: {type(error).__name__}: {error}"
    if stage is Stage.DATA:
        return Verdict(Outcome.UNANSWERED, text=words)
    if stage is Stage.RCPT and isinstance(error, ValueError):
        return Verdict(Outcome.DEAD, text=words)
    return Verdict(Outcome.RELAY_FAILED, text=words, failure=_failure(error))


def _about_us(stage: Stage, code: int, text: str) -> Verdict | None:
    if code == _THROTTLING and stage is not Stage.CONNECT:
        failure, hint = RelayFailure.THROTTLED, _hint(text)
        return Verdict(Outcome.RELAY_FAILED, code, text, retry_after=hint, failure=failure)
    if code in _CREDENTIALS or (stage is Stage.MAIL and code in _PERMANENT):
        return Verdict(Outcome.RELAY_FAILED, code, text, failure=RelayFailure.REFUSED)
    if code == _CLOSING or stage in {Stage.CONNECT, Stage.MAIL}:
        return Verdict(Outcome.RELAY_FAILED, code, text, retry_after=_hint(text))
    return None


def _is_missing(stage: Stage, code: int, text: str) -> bool:
    if stage is not Stage.RCPT:
        return False
    enhanced = _enhanced(text)
    if enhanced:
        return enhanced in _NO_SUCH_MAILBOX
    in_words = bool(_MISSING_WORDS.search(text) and _MAILBOX_WORDS.search(text))
    return code in {550, 551, 553} and in_words


def _enhanced(text: str) -> tuple[int, ...]:
    """Subject and detail of an enhanced status code (RFC 3463); empty without one."""
    match = _ENHANCED.match(text)
    return tuple(int(part) for part in match.groups()) if match else ()


def _hint(text: str) -> float | None:
    match = _HINT.search(text)
    return float(int(match[1]) * _UNITS[match[2][0].lower()]) if match else None


def _failure(error: Exception) -> RelayFailure:
    # A bad certificate or a missing STARTTLS does not pass by itself.
    words = f"{type(error).__name__} {error}".lower()
    is_ours = "certificate" in words or "starttls" in words
    return RelayFailure.REFUSED if is_ours else RelayFailure.OUTAGE

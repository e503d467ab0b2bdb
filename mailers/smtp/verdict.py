"""What an SMTP server's answer, or its silence, means for the mail, the recipient and the channel.

A reply that names a missing mailbox is about the recipient; 5xx alone is not: a relay that finds
fault with us says 550 as well, and must not empty the list of customers. Each row of the table in
the tests was tried on a real server.
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
    # About this mail, for now: an attempt is used up.
    RETRY = "retry"
    # About this mail, for good.
    DEAD = "dead"
    # About us or the relay: the mail is as good as before.
    CHANNEL = "channel"
    # The whole mail was handed over and no answer came.
    SILENT = "silent"
    # Cancelled, or claimed by another worker, before DATA.
    FENCED = "fenced"


class Trouble(Enum):
    OUTAGE = "outage"
    THROTTLED = "throttled"
    # Our sender, credentials or certificates: it takes a human.
    REFUSED = "refused"


@dataclass(frozen=True)
class Verdict:
    outcome: Outcome
    code: int | None = None
    text: str = ""
    # The server's word that the mailbox does not exist.
    no_such_mailbox: bool = False
    # Seconds that the server asks for.
    retry_after: float | None = None
    # A full mailbox is tried until the mail expires, however many attempts that takes.
    until_expiry: bool = False
    trouble: Trouble = Trouble.OUTAGE

    @property
    def words(self) -> str:
        """What the server said, with its code."""
        return f"{self.code} {self.text}" if self.code else self.text

    @property
    def blames_our_reputation(self) -> bool:
        return self.outcome is Outcome.DEAD and _enhanced(self.text)[:1] == (7,)


_ENHANCED = re.compile(r"\s*[245]\.(\d{1,3})\.(\d{1,3})\b")
_NO_SUCH_MAILBOX = {(1, 1), (1, 2), (1, 3), (1, 6), (1, 10), (2, 1)}
_IN_WORDS = re.compile(r"no such|unknown|does(?: not|n't) exist|not found|invalid", re.IGNORECASE)
_WHO = re.compile(r"user|mailbox|recipient|address", re.IGNORECASE)
_FULL = (2, 2)
_HINT = re.compile(
    r"(?:again|retry|wait)[^.]{0,40}?(\d{1,6})\s*(second|sec|minute|min|hour)", re.IGNORECASE
)
_UNITS = {"s": 1, "m": 60, "h": 3600}
_ACCEPTED, _CLOSING, _THROTTLING = 250, 421, 454
_TEMPORARY, _PERMANENT = range(400, 500), range(500, 600)
_CREDENTIALS = {530, 534, 535, 538}


def of_reply(stage: Stage, code: int, text: str) -> Verdict:
    """The meaning of a reply that was read, at the stage at which it came."""
    about_us = _about_us(stage, code, text)
    if about_us is not None:
        return about_us
    if _enhanced(text) == _FULL:
        return Verdict(Outcome.RETRY, code, text, retry_after=_hint(text), until_expiry=True)
    if code in _TEMPORARY:
        return Verdict(Outcome.RETRY, code, text, retry_after=_hint(text))
    if code in _PERMANENT:
        return Verdict(Outcome.DEAD, code, text, no_such_mailbox=_is_missing(stage, code, text))
    # aiosmtplib takes 250 alone for an acceptance. A 250 that it complains of answered the word
    # DATA itself, before anything was handed over.
    if stage is Stage.DATA and code != _ACCEPTED:
        return Verdict(Outcome.SILENT, code, text)
    return Verdict(Outcome.CHANNEL, code, text)


def of_error(stage: Stage, error: Exception) -> Verdict:
    """The meaning of an exception of aiosmtplib or of the socket."""
    if isinstance(error, SMTPResponseException):
        at = Stage.RCPT if isinstance(error, SMTPRecipientRefused) else stage
        return of_reply(at, error.code, str(error.message))
    words = f"{stage.value}: {type(error).__name__}: {error}"
    if stage is Stage.DATA:
        return Verdict(Outcome.SILENT, text=words)
    if stage is Stage.RCPT and isinstance(error, ValueError):
        return Verdict(Outcome.DEAD, text=words)
    return Verdict(Outcome.CHANNEL, text=words, trouble=_trouble(error))


def _about_us(stage: Stage, code: int, text: str) -> Verdict | None:
    if code == _THROTTLING and stage is not Stage.CONNECT:
        trouble, hint = Trouble.THROTTLED, _hint(text)
        return Verdict(Outcome.CHANNEL, code, text, retry_after=hint, trouble=trouble)
    if code in _CREDENTIALS or (stage is Stage.MAIL and code in _PERMANENT):
        return Verdict(Outcome.CHANNEL, code, text, trouble=Trouble.REFUSED)
    if code == _CLOSING or stage in {Stage.CONNECT, Stage.MAIL}:
        return Verdict(Outcome.CHANNEL, code, text, retry_after=_hint(text))
    return None


def _is_missing(stage: Stage, code: int, text: str) -> bool:
    if stage is not Stage.RCPT:
        return False
    enhanced = _enhanced(text)
    if enhanced:
        return enhanced in _NO_SUCH_MAILBOX
    in_words = _IN_WORDS.search(text) and _WHO.search(text)
    return code in {550, 551, 553} and in_words is not None


def _enhanced(text: str) -> tuple[int, ...]:
    """Subject and detail of an enhanced status code (RFC 3463); empty without one."""
    found = _ENHANCED.match(text)
    return tuple(int(part) for part in found.groups()) if found else ()


def _hint(text: str) -> float | None:
    found = _HINT.search(text)
    return float(int(found[1]) * _UNITS[found[2][0].lower()]) if found else None


def _trouble(error: Exception) -> Trouble:
    # Certificates and a missing STARTTLS do not heal by themselves.
    words = f"{type(error).__name__} {error}".lower()
    return Trouble.REFUSED if "certificate" in words or "starttls" in words else Trouble.OUTAGE

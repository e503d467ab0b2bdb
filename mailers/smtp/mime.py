"""A mail as bytes (RFC 5322). Written by hand: see docs/decisions/0013-a-mail-writer-of-our-own.md.

Texts are cleaned and encoded here; every other header must already be what it claims to be.
"""

import hmac
import re
from base64 import b64encode, encodebytes
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import format_datetime, quote
from functools import lru_cache

from mailers.plain_text import one_line

_PLAIN_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]+(?: [\x21-\x7e]+)*")
_FOREIGN_LINE_END = re.compile(r"\r\n?")
_LONGEST_NAME, _LONGEST_PLAIN, _LONGEST_LINE = 80, 60, 998
_WORD_OCTETS = 45

Header = tuple[str, str]


def message_id(secret: str, dedupe_key: str, domain: str) -> str:
    """The same promise has the same Message-ID, in every attempt and after every crash."""
    digest = hmac.digest(secret.encode(), b"message:" + dedupe_key.encode(), "sha256").hex()
    return f"<{digest[:32]}@{domain}>"


def written(
    *,
    sender: tuple[str, str],
    to: tuple[str, str],
    subject: str,
    date: datetime,
    message_id: str,
    text: str,
    html: str,
    headers: Iterable[Header] = (),
) -> bytes:
    """The whole mail. Names and the subject may be anything; `headers` must be visible ASCII.

    Raises ValueError when a header is not, or when the result has a header that nobody asked for.
    """
    boundary = "=_" + re.sub(r"[^a-z0-9]", "", message_id.lower())[:40]
    head = [
        ("From", mailbox(*sender)),
        ("To", mailbox(*to)),
        ("Subject", _words(one_line(subject))),
        ("Date", _date(int(date.timestamp()))),
        ("Message-ID", _structured(message_id)),
        *((name, _structured(value)) for name, value in headers),
        ("MIME-Version", "1.0"),
        ("Content-Type", f'multipart/alternative; boundary="{boundary}"'),
    ]
    lines = "\r\n".join(f"{name}: {value}" for name, value in head).encode("ascii")
    edge = f"--{boundary}".encode()
    raw = b"\r\n".join(
        (lines, b"", edge, _part("text/plain", text), edge, _part("text/html", html), edge)
    )
    return _checked(raw + b"--\r\n", [name for name, _ in head])


def mailbox(name: str, address: str) -> str:
    """`Name <address>`, the name quoted or encoded as it needs; the address as it is."""
    _structured(address)
    name = one_line(name, _LONGEST_NAME)
    if not name:
        return address
    if name.isascii() and "=?" not in name and len(name) <= _LONGEST_PLAIN:
        if _PLAIN_NAME.fullmatch(name):
            return f"{name} <{address}>"
        return f'"{quote(name)}" <{address}>'
    return f"{_encoded(name)}\r\n <{address}>"


@lru_cache(maxsize=64)  # many mails a second
def _date(seconds: int) -> str:
    return format_datetime(datetime.fromtimestamp(seconds, UTC))


def _words(text: str) -> str:
    if text.isascii() and "=?" not in text and len(text) <= _LONGEST_PLAIN:
        return text
    return _encoded(text)


def _encoded(text: str) -> str:
    """Encoded-words of at most 75 characters, none cut inside of a character."""
    octets, words, start = text.encode(), [], 0
    while start < len(octets):
        end = start + _WORD_OCTETS
        while end < len(octets) and octets[end] & 0xC0 == 0x80:  # in the middle of a character
            end -= 1
        words.append(b64encode(octets[start:end]).decode())
        start = end
    return "\r\n ".join(f"=?utf-8?b?{word}?=" for word in words)


def _structured(value: str) -> str:
    """An id, an address, a URL or a keyword: one line of visible ASCII, never encoded."""
    if not _VISIBLE_ASCII.fullmatch(value) or len(value) > _LONGEST_LINE - 60:
        raise ValueError(f"not fit for a header: {value[:80]!r}")
    return value


def _part(content_type: str, text: str) -> bytes:
    if "\r" in text:
        text = _FOREIGN_LINE_END.sub("\n", text)
    rows = encodebytes(text.replace("\n", "\r\n").encode("utf-8", "replace")).rstrip()
    head = f"Content-Type: {content_type}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n"
    return head.encode() + b"\r\n" + rows.replace(b"\n", b"\r\n")


def _checked(raw: bytes, names: list[str]) -> bytes:
    """Read the head back as a server will; the rest is base64 alone."""
    head = raw.partition(b"\r\n\r\n")[0]
    lines = head.split(b"\r\n")
    seen = [line.partition(b":")[0].decode() for line in lines if line[:1] not in b" \t"]
    bare = head.count(b"\n") + head.count(b"\r") != 2 * (len(lines) - 1)
    if seen != names or bare or max(map(len, lines)) > _LONGEST_LINE:
        raise ValueError("the mail does not read back as it was meant")
    return raw

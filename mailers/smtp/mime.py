"""A mail as bytes (RFC 5322). Written by hand: see docs/decisions/0013-a-mail-writer-of-our-own.md.

Texts are cleaned and encoded here; other header values must be valid already.
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
_OTHER_LINE_END = re.compile(r"\r\n?")
_MAX_NAME, _MAX_PLAIN, _MAX_LINE = 80, 60, 998
_WORD_OCTETS = 45

Header = tuple[str, str]


def message_id(secret: str, dedupe_key: str, domain: str) -> str:
    """The Message-ID of a promise, the same in every attempt."""
    digest = hmac.digest(secret.encode(), b"message:" + dedupe_key.encode(), "sha256").hex()
    return f"<{digest[:32]}@{domain}>"


def write_message(
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
    """The whole mail. Names and the subject may be any text; `headers` must be visible ASCII.

    Raises ValueError if a header is not, or if the result does not have exactly these headers.
    """
    boundary = "=_" + re.sub(r"[^a-z0-9]", "", message_id.lower())[:40]
    head = [
        ("From", mailbox(*sender)),
        ("To", mailbox(*to)),
        ("Subject", _unstructured(one_line(subject))),
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
    """`Name <address>`, the name quoted or encoded if necessary."""
    _structured(address)
    name = one_line(name, _MAX_NAME)
    if not name:
        return address
    if name.isascii() and "=?" not in name and len(name) <= _MAX_PLAIN:
        if _PLAIN_NAME.fullmatch(name):
            return f"{name} <{address}>"
        return f'"{quote(name)}" <{address}>'
    return f"{_encoded(name)}\r\n <{address}>"


@lru_cache(maxsize=64)  # many mails share a second
def _date(seconds: int) -> str:
    return format_datetime(datetime.fromtimestamp(seconds, UTC))


def _unstructured(text: str) -> str:
    if text.isascii() and "=?" not in text and len(text) <= _MAX_PLAIN:
        return text
    return _encoded(text)


def _encoded(text: str) -> str:
    """Encoded-words (RFC 2047) of at most 75 characters, each of whole characters."""
    octets, chunks, start = text.encode(), [], 0
    while start < len(octets):
        end = start + _WORD_OCTETS
        while end < len(octets) and octets[end] & 0xC0 == 0x80:  # in the middle of a character
            end -= 1
        chunks.append(b64encode(octets[start:end]).decode())
        start = end
    return "\r\n ".join(f"=?utf-8?b?{chunk}?=" for chunk in chunks)


def _structured(value: str) -> str:
    """The value of a structured header: one line of visible ASCII, never encoded."""
    if not _VISIBLE_ASCII.fullmatch(value) or len(value) > _MAX_LINE - 60:
        raise ValueError(f"not fit for a header: {value[:80]!r}")
    return value


def _part(content_type: str, text: str) -> bytes:
    if "\r" in text:
        text = _OTHER_LINE_END.sub("\n", text)
    lines = encodebytes(text.replace("\n", "\r\n").encode("utf-8", "replace")).rstrip()
    head = f"Content-Type: {content_type}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n"
    return head.encode() + b"\r\n" + lines.replace(b"\n", b"\r\n")


def _checked(raw: bytes, names: list[str]) -> bytes:
    """Parse the headers as a server does, as a guard against injection; the rest is base64."""
    head = raw.partition(b"\r\n\r\n")[0]
    lines = head.split(b"\r\n")
    parsed = [line.partition(b":")[0].decode() for line in lines if line[:1] not in b" \t"]
    bare = head.count(b"\n") + head.count(b"\r") != 2 * (len(lines) - 1)
    if parsed != names or bare or max(map(len, lines)) > _MAX_LINE:
        raise ValueError("the mail does not read back as it was meant")
    return raw

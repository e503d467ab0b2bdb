"""Commands and replies on an SMTP connection that aiosmtplib has opened.

It sends several commands at once (RFC 2920), which aiosmtplib cannot; errors are aiosmtplib's. See
docs/decisions/0012-an-smtp-dialogue-of-our-own.md.
"""

import asyncio
from typing import NamedTuple

from aiosmtplib import SMTPReadTimeoutError, SMTPResponseException, SMTPServerDisconnected

_LONGEST_REPLY = 65_536
_MALFORMED = -1


class Reply(NamedTuple):
    code: int
    text: str


class Dialogue(asyncio.Protocol):
    """One exchange at a time: some commands, and as many replies."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._buffer = b""
        self._lines: list[str] = []
        self._replies: list[Reply] = []
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False
        transport.set_protocol(self)

    async def ask(self, octets: bytes, *, timeout: float, replies: int = 1) -> list[Reply]:  # noqa: ASYNC109 - a timer costs less than a task's timeout
        """Send commands and wait for as many replies.

        There are fewer when the connection ends after the first of them. Raises
        SMTPServerDisconnected, SMTPReadTimeoutError, or SMTPResponseException for what is no reply.
        """
        if self.lost:
            raise SMTPServerDisconnected("Connection lost")
        self._buffer, self._lines, self._replies, self._wanted = b"", [], [], replies
        self._waiter = self._loop.create_future()
        timer = self._loop.call_later(timeout, self._fail, SMTPReadTimeoutError("no reply in time"))
        self._transport.write(octets)
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None
        return self._replies

    @property
    def lost(self) -> bool:
        """Whether the server has ended the connection, as far as we know."""
        return self._ended or self._transport.is_closing()

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self._waiter is None or self._waiter.done():
            return  # not an answer to anything
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        if len(self._buffer) + sum(map(len, self._lines)) > _LONGEST_REPLY:
            self._fail(SMTPResponseException(_MALFORMED, "Response too long"))
        for line in lines:
            self._hear(line)
        if len(self._replies) >= self._wanted and not self._waiter.done():
            self._waiter.set_result(None)

    def _hear(self, line: bytes) -> None:
        if not line[:3].isdigit():
            words = line.decode("utf-8", "replace")
            self._fail(SMTPResponseException(_MALFORMED, f"Malformed SMTP response line: {words}"))
            return
        self._lines.append(line[4:].decode("utf-8", "replace").strip())
        if line[3:4] != b"-":
            self._replies.append(Reply(int(line[:3]), "\n".join(self._lines)))
            self._lines = []

    def eof_received(self) -> bool:
        self._end(SMTPServerDisconnected("Unexpected EOF received"))
        return False

    def connection_lost(self, error: Exception | None) -> None:
        lost = SMTPServerDisconnected("Connection lost")
        lost.__cause__ = error
        self._end(lost)

    def _end(self, error: Exception) -> None:
        self._ended = True
        if self._replies and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        self._fail(error)

    def _fail(self, error: Exception) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)


def dotted(raw: bytes) -> bytes:
    """Whole lines, dot-stuffed and ended as DATA requires (RFC 5321, 4.5.2)."""
    if raw.startswith(b"."):
        raw = b"." + raw
    return raw.replace(b"\r\n.", b"\r\n..") + b".\r\n"

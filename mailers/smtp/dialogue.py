"""Commands and responses on an SMTP connection that aiosmtplib has opened.

Unlike aiosmtplib it pipelines commands (RFC 2920). Errors are aiosmtplib's. See
docs/decisions/0012-an-smtp-dialogue-of-our-own.md.
"""

import asyncio
from typing import NamedTuple

from aiosmtplib import SMTPReadTimeoutError, SMTPResponseException, SMTPServerDisconnected

_MAX_RESPONSE = 65_536
_MALFORMED = -1


class SmtpResponse(NamedTuple):
    code: int
    text: str


class Dialogue(asyncio.Protocol):
    """One exchange at a time: some commands, and a response to each."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._buffer = b""
        self._lines: list[str] = []
        self._responses: list[SmtpResponse] = []
        self._expected = 0
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False
        transport.set_protocol(self)

    async def exchange(
        self,
        octets: bytes,
        *,
        timeout: float,  # noqa: ASYNC109 - a timer costs less than a task's timeout
        responses: int = 1,
    ) -> list[SmtpResponse]:
        """Send commands and wait for their responses.

        Returns fewer if the connection ends after the first. Raises SMTPServerDisconnected,
        SMTPReadTimeoutError, or SMTPResponseException for a malformed response.
        """
        if self.lost:
            raise SMTPServerDisconnected("Connection lost")
        self._buffer, self._lines, self._responses, self._expected = b"", [], [], responses
        self._waiter = self._loop.create_future()
        timer = self._loop.call_later(timeout, self._fail, SMTPReadTimeoutError("no reply in time"))
        self._transport.write(octets)
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None
        return self._responses

    @property
    def lost(self) -> bool:
        """Whether the connection is known to be closed."""
        return self._ended or self._transport.is_closing()

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self._waiter is None or self._waiter.done():
            return  # unsolicited
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        if len(self._buffer) + sum(map(len, self._lines)) > _MAX_RESPONSE:
            self._fail(SMTPResponseException(_MALFORMED, "Response too long"))
        for line in lines:
            self._read_line(line)
        if len(self._responses) >= self._expected and not self._waiter.done():
            self._waiter.set_result(None)

    def _read_line(self, line: bytes) -> None:
        if not line[:3].isdigit():
            words = line.decode("utf-8", "replace")
            self._fail(SMTPResponseException(_MALFORMED, f"Malformed SMTP response line: {words}"))
            return
        self._lines.append(line[4:].decode("utf-8", "replace").strip())
        if line[3:4] != b"-":
            self._responses.append(SmtpResponse(int(line[:3]), "\n".join(self._lines)))
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
        if self._responses and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        self._fail(error)

    def _fail(self, error: Exception) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)


def dot_stuffed(raw: bytes) -> bytes:
    """A message of whole lines, dot-stuffed and ended for DATA (RFC 5321, 4.5.2)."""
    if raw.startswith(b"."):
        raw = b"." + raw
    return raw.replace(b"\r\n.", b"\r\n..") + b".\r\n"

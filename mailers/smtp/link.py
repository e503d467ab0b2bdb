"""One SMTP connection, for one mail at a time.

It sends the commands itself instead of calling aiosmtplib's `sendmail`, to know at which stage an
error occurred and to call the gate just before DATA.
"""

import contextlib
import re
import time
from collections.abc import Awaitable, Callable

from aiosmtplib import (
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)

from mailers.configuration import Pace
from mailers.relay import Relay
from mailers.smtp.dialogue import Dialogue, SmtpResponse, dot_stuffed
from mailers.smtp.server import open_connection
from mailers.smtp.verdict import Outcome, Stage, Verdict, of_error

Gate = Callable[[], Awaitable[bool]]

# Without characters that end an address or a command.
_ADDRESS = re.compile(r"[\x21-\x3b\x3d\x3f-\x7e]+")
_MAX_MAILS, _MAX_IDLE = 100, 30.0
_CLOSE_TIMEOUT = 2.0
_DONE, _WILL_FORWARD, _GO_ON, _CLOSING = 250, 251, 354, 421


class SmtpLink:
    """Connects when it is needed, and again after 100 mails, 30 idle seconds or an error."""

    def __init__(self, relay: Relay, local_hostname: str, pace: Pace) -> None:
        self._relay, self._local_hostname, self._pace = relay, local_hostname, pace
        self._dialogue: Dialogue | None = None
        self._extensions: frozenset[str] = frozenset()
        self._mails = 0
        self._used_at = 0.0
        self._stage = Stage.CONNECT

    async def send(self, *, sender: str, to: str, raw: bytes, gate: Gate) -> Verdict:
        """Send one mail, if `gate`, called just before DATA, returns True."""
        if not (_ADDRESS.fullmatch(sender) and _ADDRESS.fullmatch(to)):
            return Verdict(Outcome.DEAD, text=f"not an address for SMTP: {to!r}")
        try:
            dialogue = await self._accepted_envelope(sender, to, len(raw))
        except (SMTPException, OSError, ValueError) as error:
            return await self._judge(error)
        try:
            passed = await gate()
        except BaseException:
            self._drop()
            raise
        if not passed:
            await self._reset()
            return Verdict(Outcome.FENCED)
        if dialogue.lost:  # while the gate ran: nothing was sent yet
            return await self._judge(SMTPServerDisconnected("Connection lost"))
        try:
            response = await self._send_data(dialogue, raw)
        except Exception as error:  # noqa: BLE001 - the server may have the mail
            return await self._judge(error)
        self._mails, self._used_at = self._mails + 1, time.monotonic()
        return Verdict(Outcome.SENT, response.code, response.text)

    async def close(self) -> None:
        dialogue, self._dialogue = self._dialogue, None
        if dialogue is not None:
            with contextlib.suppress(SMTPException, OSError):
                await dialogue.exchange(b"QUIT\r\n", timeout=_CLOSE_TIMEOUT)
            dialogue.close()

    async def _accepted_envelope(self, sender: str, to: str, size: int) -> Dialogue:
        """A connection on which MAIL and RCPT were accepted.

        The server may have closed an idle connection: that is no failure of the relay, and is
        tried again on a new one.
        """
        idle = time.monotonic() - self._used_at
        if self._mails >= _MAX_MAILS or idle > _MAX_IDLE:
            await self.close()
        if self._dialogue is not None:
            try:
                return await self._envelope(self._dialogue, sender, to, size)
            except (SMTPException, OSError) as error:
                is_closed = not isinstance(error, SMTPResponseException) or error.code == _CLOSING
                if self._stage is not Stage.MAIL or not is_closed:
                    raise
                self._drop()
        return await self._envelope(await self._connect(), sender, to, size)

    async def _connect(self) -> Dialogue:
        self._stage = Stage.CONNECT
        pace = self._pace
        transport, self._extensions = await open_connection(
            self._relay, self._local_hostname, connect=pace.connect, command=pace.command
        )
        self._dialogue = dialogue = Dialogue(transport)
        self._mails, self._used_at = 0, time.monotonic()
        return dialogue

    async def _envelope(self, dialogue: Dialogue, sender: str, to: str, size: int) -> Dialogue:
        """Send MAIL and RCPT, both at once if the server offers PIPELINING."""
        self._stage = Stage.MAIL
        option = f" SIZE={size}" if "size" in self._extensions else ""
        mail, rcpt = f"MAIL FROM:<{sender}>{option}\r\n".encode(), f"RCPT TO:<{to}>\r\n".encode()
        timeout = self._pace.command
        if "pipelining" in self._extensions:
            responses = await dialogue.exchange(mail + rcpt, timeout=timeout, responses=2)
        else:
            responses = await dialogue.exchange(mail, timeout=timeout)
        if responses[0].code != _DONE:
            raise SMTPSenderRefused(*responses[0], sender)
        self._stage = Stage.RCPT
        if "pipelining" not in self._extensions:
            responses += await dialogue.exchange(rcpt, timeout=timeout)
        if len(responses) == 1:
            raise SMTPServerDisconnected("Connection lost")
        if responses[1].code not in {_DONE, _WILL_FORWARD}:
            raise SMTPRecipientRefused(*responses[1], to)
        return dialogue

    async def _send_data(self, dialogue: Dialogue, raw: bytes) -> SmtpResponse:
        self._stage = Stage.DATA
        for octets, expected in ((b"DATA\r\n", _GO_ON), (dot_stuffed(raw), _DONE)):
            [response] = await dialogue.exchange(octets, timeout=self._pace.data)
            if response.code != expected:
                raise SMTPDataError(*response)
        return response

    async def _judge(self, error: Exception) -> Verdict:
        verdict = of_error(self._stage, error)
        if verdict.outcome in {Outcome.RETRY, Outcome.DEAD}:
            await self._reset()
        else:
            self._drop()
        return verdict

    async def _reset(self) -> None:
        if self._dialogue is None:
            return
        try:
            [response] = await self._dialogue.exchange(b"RSET\r\n", timeout=_CLOSE_TIMEOUT)
        except (SMTPException, OSError):
            self._drop()
        else:
            if response.code != _DONE:
                self._drop()

    def _drop(self) -> None:
        dialogue, self._dialogue = self._dialogue, None
        if dialogue is not None:
            dialogue.close()

"""One SMTP connection, for one mail at a time.

It speaks command by command instead of aiosmtplib's `sendmail`, to know at which stage a thing
went wrong and to pass the last gate just before DATA.
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
from mailers.smtp.dialogue import Dialogue, Reply, dotted
from mailers.smtp.server import open_connection
from mailers.smtp.verdict import Outcome, Stage, Verdict, of_error

Gate = Callable[[], Awaitable[bool]]

# Nothing that ends an address, or a command.
_ADDRESS = re.compile(r"[\x21-\x3b\x3d\x3f-\x7e]+")
_MOST_MAILS, _LONGEST_IDLE = 100, 30.0
_FAREWELL = 2.0
_DONE, _WILL_FORWARD, _GO_ON, _CLOSING = 250, 251, 354, 421


class SmtpLink:
    """Opens when it is needed, is opened afresh now and then, and after any doubt."""

    def __init__(self, relay: Relay, local_hostname: str, pace: Pace) -> None:
        self._relay, self._local_hostname, self._pace = relay, local_hostname, pace
        self._dialogue: Dialogue | None = None
        self._extensions: frozenset[str] = frozenset()
        self._mails = 0
        self._used_at = 0.0
        self._stage = Stage.CONNECT

    async def send(self, *, sender: str, to: str, raw: bytes, gate: Gate) -> Verdict:
        """Hand over one mail. `gate` is asked just before DATA; its yes cannot be taken back."""
        if not (_ADDRESS.fullmatch(sender) and _ADDRESS.fullmatch(to)):
            return Verdict(Outcome.DEAD, text=f"not an address for SMTP: {to!r}")
        try:
            dialogue = await self._introduced(sender, to, len(raw))
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
        if dialogue.lost:  # while the gate was asked, and before anything was handed over
            return await self._judge(SMTPServerDisconnected("Connection lost"))
        try:
            reply = await self._hand_over(dialogue, raw)
        except Exception as error:  # noqa: BLE001 - whatever it was, nobody knows what the server has
            return await self._judge(error)
        self._mails, self._used_at = self._mails + 1, time.monotonic()
        return Verdict(Outcome.SENT, reply.code, reply.text)

    async def close(self) -> None:
        dialogue, self._dialogue = self._dialogue, None
        if dialogue is not None:
            with contextlib.suppress(SMTPException, OSError):
                await dialogue.ask(b"QUIT\r\n", timeout=_FAREWELL)
            dialogue.close()

    async def _introduced(self, sender: str, to: str, size: int) -> Dialogue:
        """A connection on which MAIL and RCPT were accepted.

        A connection that was used before may have been closed by the server meanwhile: that says
        nothing about the channel, and is tried once more on a fresh one.
        """
        idle = time.monotonic() - self._used_at
        if self._mails >= _MOST_MAILS or idle > _LONGEST_IDLE:
            await self.close()
        if self._dialogue is not None:
            try:
                return await self._envelope(self._dialogue, sender, to, size)
            except (SMTPException, OSError) as error:
                gone = not isinstance(error, SMTPResponseException) or error.code == _CLOSING
                if self._stage is not Stage.MAIL or not gone:
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
        """MAIL and RCPT, both at once where the server allows it."""
        self._stage = Stage.MAIL
        option = f" SIZE={size}" if "size" in self._extensions else ""
        mail, rcpt = f"MAIL FROM:<{sender}>{option}\r\n".encode(), f"RCPT TO:<{to}>\r\n".encode()
        limit = self._pace.command
        if "pipelining" in self._extensions:
            replies = await dialogue.ask(mail + rcpt, timeout=limit, replies=2)
        else:
            replies = await dialogue.ask(mail, timeout=limit)
        if replies[0].code != _DONE:
            raise SMTPSenderRefused(*replies[0], sender)
        self._stage = Stage.RCPT
        if "pipelining" not in self._extensions:
            replies += await dialogue.ask(rcpt, timeout=limit)
        if len(replies) == 1:
            raise SMTPServerDisconnected("Connection lost")
        if replies[1].code not in {_DONE, _WILL_FORWARD}:
            raise SMTPRecipientRefused(*replies[1], to)
        return dialogue

    async def _hand_over(self, dialogue: Dialogue, raw: bytes) -> Reply:
        self._stage = Stage.DATA
        for octets, expected in ((b"DATA\r\n", _GO_ON), (dotted(raw), _DONE)):
            [reply] = await dialogue.ask(octets, timeout=self._pace.data)
            if reply.code != expected:
                raise SMTPDataError(*reply)
        return reply

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
            [reply] = await self._dialogue.ask(b"RSET\r\n", timeout=_FAREWELL)
        except (SMTPException, OSError):
            self._drop()
        else:
            if reply.code != _DONE:
                self._drop()

    def _drop(self) -> None:
        dialogue, self._dialogue = self._dialogue, None
        if dialogue is not None:
            dialogue.close()

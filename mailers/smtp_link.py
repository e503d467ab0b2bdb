"""One SMTP connection, for one mail at a time.

It speaks command by command instead of aiosmtplib's `sendmail`, to know at which stage a thing
went wrong and to pass the last gate just before DATA.
"""

import contextlib
import time
from collections.abc import Awaitable, Callable

import aiosmtplib
from aiosmtplib import SMTPException, SMTPResponseException

from mailers.configuration import Pace
from mailers.smtp_server import SmtpServer
from mailers.smtp_verdict import Outcome, Stage, Verdict, of_error

Gate = Callable[[], Awaitable[bool]]

_MOST_MAILS, _LONGEST_IDLE = 100, 30.0
_FAREWELL = 2.0
_CLOSING = 421


class SmtpLink:
    """Opens when it is needed, is opened afresh now and then, and after any doubt."""

    def __init__(self, server: SmtpServer, pace: Pace) -> None:
        self._server, self._pace = server, pace
        self._client: aiosmtplib.SMTP | None = None
        self._mails = 0
        self._used_at = 0.0
        self._stage = Stage.CONNECT

    async def send(self, *, sender: str, to: str, raw: bytes, gate: Gate) -> Verdict:
        """Hand over one mail. `gate` is asked just before DATA; its yes cannot be taken back."""
        try:
            client = await self._introduced(sender, raw)
            self._stage = Stage.RCPT
            await client.rcpt(to)
        except (SMTPException, OSError, ValueError) as error:
            return await self._judge(error)
        if not await gate():
            await self._reset()
            return Verdict(Outcome.FENCED)
        try:
            self._stage = Stage.DATA
            reply = await client.data(raw, timeout=self._pace.data)
        except Exception as error:  # noqa: BLE001 - whatever it was, nobody knows what the server has
            return await self._judge(error)
        self._mails, self._used_at = self._mails + 1, time.monotonic()
        return Verdict(Outcome.SENT, reply.code, reply.message)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(SMTPException, OSError):
                await client.quit(timeout=_FAREWELL)
            client.close()

    async def _introduced(self, sender: str, raw: bytes) -> aiosmtplib.SMTP:
        """A connection on which MAIL was accepted.

        A connection that was used before may have been closed by the server meanwhile: that says
        nothing about the channel, and is tried once more on a fresh one.
        """
        idle = time.monotonic() - self._used_at
        if self._mails >= _MOST_MAILS or idle > _LONGEST_IDLE:
            await self.close()
        if self._client is not None:
            try:
                return await self._mail(self._client, sender, raw)
            except (SMTPException, OSError) as error:
                if isinstance(error, SMTPResponseException) and error.code != _CLOSING:
                    raise
                self._drop()
        return await self._mail(await self._connect(), sender, raw)

    async def _connect(self) -> aiosmtplib.SMTP:
        self._stage = Stage.CONNECT
        client = self._server.client(timeout=self._pace.command)
        await client.connect(timeout=self._pace.connect)
        self._client, self._mails, self._used_at = client, 0, time.monotonic()
        await client._ehlo_or_helo_if_needed()  # its public twin has no HELO
        return client

    async def _mail(self, client: aiosmtplib.SMTP, sender: str, raw: bytes) -> aiosmtplib.SMTP:
        self._stage = Stage.MAIL
        options = [f"SIZE={len(raw)}"] if client.supports_extension("size") else []
        await client.mail(sender, options=options)
        return client

    async def _judge(self, error: Exception) -> Verdict:
        verdict = of_error(self._stage, error)
        if verdict.outcome in {Outcome.RETRY, Outcome.DEAD}:
            await self._reset()
        else:
            self._drop()
        return verdict

    async def _reset(self) -> None:
        try:
            if self._client is not None:
                await self._client.rset(timeout=_FAREWELL)
        except (SMTPException, OSError):
            self._drop()

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

"""Transports of mails, chosen by the URL: a relay, the terminal or a folder."""

import asyncio
import email
import email.policy
import os
from pathlib import Path
from typing import Protocol

from mailers.configuration import MailConfig
from mailers.from_address import Sender
from mailers.relay import Folder, Relay, Terminal, destination
from mailers.smtp.link import Gate, SmtpLink
from mailers.smtp.verdict import Outcome, Verdict


class Link(Protocol):
    """A transport that sends one mail at a time."""

    async def send(self, *, sender: str, to: str, raw: bytes, gate: Gate) -> Verdict: ...

    async def close(self) -> None: ...


def open_link(config: MailConfig) -> Link:
    """The link that the URL names, not connected yet. Raises ValueError."""
    target = destination(config.smtp_url)
    match target:
        case Relay():
            return SmtpLink(target, Sender.parse(config.mail_from).domain, config.pace)
        case Terminal():
            return ConsoleLink()
        case Folder():
            return FileLink(target.path)


class ConsoleLink:
    """Prints the mail's addresses, subject and text."""

    async def send(self, *, raw: bytes, gate: Gate, **_envelope: str) -> Verdict:
        if not await gate():
            return Verdict(Outcome.FENCED)
        message = email.message_from_bytes(raw, policy=email.policy.default)
        text = message.get_body(("plain",))
        lines = [f"{name}: {message[name]}" for name in ("From", "To", "Subject")]
        body = text.get_content() if text is not None else ""
        print("\n".join(("─" * 60, *lines, "", body)), flush=True)  # noqa: T201 - its purpose
        return Verdict(Outcome.SENT)

    async def close(self) -> None:
        """Nothing to close."""


class FileLink:
    """Writes each mail to an .eml file, which mail programs open."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, *, raw: bytes, gate: Gate, **_envelope: str) -> Verdict:
        if not await gate():
            return Verdict(Outcome.FENCED)
        try:
            await asyncio.to_thread(self._write, raw)
        except OSError as error:
            return Verdict(Outcome.RELAY_FAILED, text=str(error))
        return Verdict(Outcome.SENT)

    async def close(self) -> None:
        """Nothing to close."""

    def _write(self, raw: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        message_id = email.message_from_bytes(raw)["Message-ID"].strip("<>").partition("@")[0]
        unfinished = self._folder / f".{message_id}.{os.getpid()}"
        unfinished.write_bytes(raw)
        unfinished.replace(self._folder / f"{message_id}.eml")

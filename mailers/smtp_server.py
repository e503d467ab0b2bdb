"""Where the relay is, and how we may speak to it: read from one URL, refused with a reason."""

import asyncio
import ipaddress
import ssl
from dataclasses import dataclass
from typing import cast
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import aiosmtplib

from models import web_address


@dataclass(frozen=True)
class SmtpServer:
    """A relay. The connection is encrypted and its certificate checked, unless `tls` is "none"."""

    host: str
    port: int
    tls: str
    username: str | None
    password: str | None
    authority: str | None
    # What we call ourselves in EHLO.
    local_hostname: str

    async def open(
        self, *, connect: float, command: float
    ) -> tuple[asyncio.Transport, frozenset[str]]:
        """A new connection, introduced and encrypted, and what the server offers, in lower case.

        At most `connect` seconds until the greeting, and `command` for each answer after it.
        """
        encrypted = self.tls != "none"
        client = aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            username=self.username,
            password=self.password,
            local_hostname=self.local_hostname,
            timeout=command,
            use_tls=self.tls == "implicit",
            start_tls=self.tls == "starttls",
            tls_context=ssl.create_default_context(cafile=self.authority) if encrypted else None,
        )
        try:
            await client.connect(timeout=connect)
            await client._ehlo_or_helo_if_needed()  # its public twin has no HELO
        except BaseException:
            client.close()
            raise
        if client.transport is None:
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        return cast("asyncio.Transport", client.transport), frozenset(client.esmtp_extensions)


def smtp_server(url: str, *, local_hostname: str) -> SmtpServer:
    """The relay of `smtp://user:password@host:587` or `smtps://…`.

    `smtp://` means STARTTLS, without which nothing is said; only to this machine, or with
    `?tls=none`, and only without credentials, may it be plain. `?ca=/path` names a private
    authority. Raises ValueError.
    """
    parts = urlsplit(web_address.in_a_labels(url))
    options = _options(parts)
    host, port = _place(parts)
    server = SmtpServer(
        host=host,
        port=port,
        tls=_tls(parts, options, host),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        authority=options.get("ca"),
        local_hostname=local_hostname,
    )
    if (server.username is None) != (server.password is None):
        raise ValueError("The SMTP URL needs both a user and a password, or neither.")
    return server


def _options(parts: SplitResult) -> dict[str, str]:
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if strange := options.keys() - {"tls", "ca"}:
        raise ValueError(f"The SMTP URL has an unknown option: {min(strange)}.")
    if options.get("tls", "none") != "none":
        raise ValueError("The option tls of the SMTP URL can only be none.")
    if parts.path not in {"", "/"}:
        raise ValueError("The SMTP URL has a path. A password with a slash is written with %2F.")
    return options


def _place(parts: SplitResult) -> tuple[str, int]:
    if not parts.hostname:
        raise ValueError("The SMTP URL has no host.")
    try:
        port = parts.port
    except ValueError as error:
        raise ValueError("The port of the SMTP URL is not a number up to 65535.") from error
    return parts.hostname, port or (465 if parts.scheme == "smtps" else 587)


def _tls(parts: SplitResult, options: dict[str, str], host: str) -> str:
    plain = "tls" in options
    if parts.scheme == "smtps":
        if plain:
            raise ValueError("smtps:// is always encrypted.")
        return "implicit"
    if parts.username:
        if plain:
            raise ValueError("Credentials are not sent without encryption.")
        return "starttls"
    return "none" if plain or _is_this_machine(host) else "starttls"


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

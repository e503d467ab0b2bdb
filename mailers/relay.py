"""Parses `CANDOR_SMTP_URL`: mails go to a relay, the terminal or a folder."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from models import web_address


@dataclass(frozen=True)
class Relay:
    """An SMTP server. Unless `tls` is "none", TLS is used and the certificate checked."""

    host: str
    port: int
    tls: str
    username: str | None
    password: str | None
    authority: str | None


@dataclass(frozen=True)
class Terminal:
    """Mails are printed."""


@dataclass(frozen=True)
class Folder:
    """Mails are written to files."""

    path: Path


def destination(url: str) -> Relay | Terminal | Folder:
    """What the URL stands for. Raises ValueError."""
    scheme = url.partition(":")[0]
    if scheme in {"smtp", "smtps"}:
        return parse_relay(url)
    if url in {"console:", "console://"}:
        return Terminal()
    if scheme == "file":
        return Folder(Path(url.removeprefix("file:").removeprefix("//")))
    raise ValueError("The SMTP URL must begin with smtp://, smtps://, console: or file:")


def parse_relay(url: str) -> Relay:
    """The relay of `smtp://user:password@host:587` or `smtps://…`.

    `smtp://` requires STARTTLS, except to this machine or with `?tls=none`, and then without
    credentials. `?ca=/path` names the certificates of a private authority. Raises ValueError.
    """
    parts = urlsplit(web_address.in_a_labels(url))
    options = _options(parts)
    host, port = _host_and_port(parts)
    relay = Relay(
        host=host,
        port=port,
        tls=_tls(parts, options, host),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        authority=options.get("ca"),
    )
    if (relay.username is None) != (relay.password is None):
        raise ValueError("The SMTP URL needs both a user and a password, or neither.")
    return relay


def _options(parts: SplitResult) -> dict[str, str]:
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if unknown := options.keys() - {"tls", "ca"}:
        raise ValueError(f"The SMTP URL has an unknown option: {min(unknown)}.")
    if options.get("tls", "none") != "none":
        raise ValueError("The option tls of the SMTP URL can only be none.")
    if parts.path not in {"", "/"}:
        raise ValueError("The SMTP URL has a path. A password with a slash is written with %2F.")
    return options


def _host_and_port(parts: SplitResult) -> tuple[str, int]:
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

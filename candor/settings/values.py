"""Parses and checks the values of variables. Each function raises BadSettings."""

import re
import secrets
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from candor.settings.claim_names import ROLES
from models import web_address

MIN_SECRET = 32


class BadSettings(Exception):
    """A variable has an invalid value; the message names the variable."""


def one_of(name: str, value: str, *choices: str) -> str:
    if value not in choices:
        raise BadSettings(f"CANDOR_{name} must be {' or '.join(choices)}.")
    return value


def switch(name: str, value: str) -> bool:
    return one_of(name, value.lower(), "on", "off") == "on"


def number(name: str, value: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,8}", value):
        raise BadSettings(f"CANDOR_{name} must be a whole number, 1 to 999999999.")
    return int(value)


def url(name: str, value: str) -> str:
    if value and not value.startswith(("http://", "https://")):
        raise BadSettings(f"CANDOR_{name} must begin with http:// or https://.")
    return in_a_labels(name, value)


def in_a_labels(name: str, url: str) -> str:
    """The URL with its host in A-labels, by IDNA 2008: libraries would apply IDNA 2003."""
    try:
        return web_address.in_a_labels(url)
    except ValueError as error:
        raise BadSettings(f"CANDOR_{name}: {error}") from None


def file(name: str, value: str) -> Path | None:
    if not value:
        return None
    path = Path(value)
    if not path.is_file():
        raise BadSettings(f"CANDOR_{name}: there is no file {value}.")
    return path


def origins(value: str) -> tuple[str, ...]:
    origins = tuple(origin.strip().rstrip("/") for origin in value.split(",") if origin.strip())
    for origin in origins:
        if not re.fullmatch(r"https?://[^/?#@*\s]+", origin, re.IGNORECASE):
            raise BadSettings(
                "CANDOR_CORS_ORIGINS holds exact origins such as https://shop.example, no wildcard."
            )
    return tuple(origin_of(in_a_labels("CORS_ORIGINS", origin)) for origin in origins)


def origin_of(url: str) -> str:
    """The origin of a URL as browsers send it: without a path or a default port."""
    parts = urlsplit(url.lower())
    default_port = {"http": ":80", "https": ":443"}[parts.scheme]
    return f"{parts.scheme}://{parts.netloc.removesuffix(default_port)}"


def networks(name: str, value: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        parsed = tuple(ip_network(each.strip()) for each in value.split(",") if each.strip())
    except ValueError:
        parsed = ()
    # Trusting all addresses would let every client forge its own.
    if not parsed or not all(network.prefixlen for network in parsed):
        raise BadSettings(
            f"CANDOR_{name} holds addresses and networks, such as 127.0.0.1, 10.0.0.0/8."
        )
    return parsed


def roles(value: str) -> dict[str, str]:
    """Our roles by the provider's names."""
    ours_by_theirs: dict[str, str] = {}
    for pair in filter(None, map(str.strip, value.split(","))):
        theirs, _, ours = (part.strip() for part in pair.rpartition(":"))
        if not theirs or ours not in ROLES or theirs in ours_by_theirs:
            raise BadSettings(
                f"CANDOR_JWT_ROLES is theirs:ours,…; ours is one of {', '.join(ROLES)}."
            )
        ours_by_theirs[theirs] = ours
    return ours_by_theirs


def secret(given: str, *, production: bool) -> str:
    """The configured secret; in development, one that is created once and kept in a file."""
    if given:
        if len(given) < MIN_SECRET:
            raise BadSettings(f"CANDOR_SECRET needs {MIN_SECRET} characters or more.")
        return given
    if production:
        raise BadSettings("CANDOR_SECRET is required in production.")
    try:
        secret = _kept_secret(Path("candor-secret"))
    except OSError as error:
        raise BadSettings(
            f"The file candor-secret cannot be kept here ({error.strerror}): set CANDOR_SECRET."
        ) from None
    if len(secret) < MIN_SECRET:
        raise BadSettings("The file candor-secret is damaged: delete it, and a new one is made.")
    return secret


def previous_secret(given: str, current: str) -> str | None:
    """The secret that `current` replaced, or None."""
    if given and len(given) < MIN_SECRET:
        raise BadSettings(f"CANDOR_SECRET_PREVIOUS needs {MIN_SECRET} characters or more.")
    if given and given == current:
        raise BadSettings(
            "CANDOR_SECRET_PREVIOUS is the secret before CANDOR_SECRET, not the same."
        )
    return given or None


def _kept_secret(path: Path) -> str:
    try:
        with path.open("x") as file:
            path.chmod(0o600)
            file.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass
    return path.read_text().strip()

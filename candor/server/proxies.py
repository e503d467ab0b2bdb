"""The proxies in front of us: those whose word counts on who asks, and by which scheme."""

import logging
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from starlette.types import Scope

log = logging.getLogger("candor.proxies")

Network = IPv4Network | IPv6Network
_SCHEMES = {b"http": "http", b"https": "https", b"ws": "http", b"wss": "https"}
_DOUBT = (
    "X-Forwarded-For of %s does not count. If that is a proxy of yours, name it in"
    " CANDOR_TRUSTED_PROXIES: until then all who come through it are one address."
)
# An address with its port and whatever else may stand around it.
_MAX_HOP = 80


class Proxies:
    """Knows by their addresses the proxies that are trusted."""

    def __init__(self, trusted: Sequence[Network]) -> None:
        self._trusted = tuple(trusted)
        self._told = False

    def trusts(self, address: str) -> bool:
        known = _address(address)
        return known is not None and self._has(known)

    def describe(self, scope: Scope) -> str | None:
        """Put into a request what its trusted proxy says of it. Gives the address that it names."""
        scheme, named = None, []
        for name, value in scope["headers"]:
            if name == b"x-forwarded-for":
                named.append(value)
            elif name == b"x-forwarded-proto":
                scheme = value
        if scheme in _SCHEMES:
            scope["scheme"] = _SCHEMES[scheme]
        address = self._client_of(b",".join(named).decode("latin-1"))
        if address is not None:
            scope["client"] = address, 0
        return address

    def doubt(self, scope: Scope) -> None:
        """Tell once, when it is so, that somebody who is not trusted speaks as a proxy does."""
        if self._told:
            return
        for name, _ in scope["headers"]:
            if name == b"x-forwarded-for":
                self._told = True
                address = scope["client"][0] if scope["client"] else "nobody"
                log.warning(_DOUBT, address)
                return

    def _client_of(self, forwarded: str) -> str | None:
        """The last one in a chain of addresses whom no trusted proxy has led here.

        Each proxy adds at the end whom it has seen. What stands before that may be invented.
        """
        client = None
        for hop in reversed(forwarded.split(",")):
            if not hop.strip():
                continue
            address = _address(_without_port(hop.strip()))
            if address is None:
                break
            client = str(address)
            if not self._has(address):
                break
        return client

    def _has(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._trusted)


def _without_port(hop: str) -> str:
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _address(text: str) -> IPv4Address | IPv6Address | None:
    return _read(text) if len(text) <= _MAX_HOP else None


@lru_cache(1_000)
def _read(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # Who listens for IPv6 sees IPv4 addresses so.
    return getattr(address, "ipv4_mapped", None) or address

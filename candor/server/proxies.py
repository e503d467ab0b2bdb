"""Trusted proxies: whose X-Forwarded headers tell the client's address and the scheme."""

import logging
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from starlette.types import Scope

log = logging.getLogger("candor.proxies")

Network = IPv4Network | IPv6Network
_SCHEMES = {b"http": "http", b"https": "https", b"ws": "http", b"wss": "https"}
_UNTRUSTED = (
    "X-Forwarded-For of %s does not count. If that is a proxy of yours, name it in"
    " CANDOR_TRUSTED_PROXIES: until then all who come through it are one address."
)
# Characters: an address with brackets, zone and port.
_MAX_HOP = 80


class Proxies:
    """The trusted proxies, by their networks."""

    def __init__(self, trusted: Sequence[Network]) -> None:
        self._trusted = tuple(trusted)
        self._warned = False

    def trusts(self, address: str) -> bool:
        parsed = _address(address)
        return parsed is not None and self._has(parsed)

    def apply_forwarded(self, scope: Scope) -> str | None:
        """Set scheme and client from the headers of a trusted proxy. Gives the client's address."""
        scheme, forwarded = None, list[bytes]()
        for name, value in scope["headers"]:
            if name == b"x-forwarded-for":
                forwarded.append(value)
            elif name == b"x-forwarded-proto":
                scheme = value
        if scheme in _SCHEMES:
            scope["scheme"] = _SCHEMES[scheme]
        address = self._client_of(b",".join(forwarded).decode("latin-1"))
        if address is not None:
            scope["client"] = address, 0
        return address

    def warn_of_untrusted_proxy(self, scope: Scope) -> None:
        """Warn, once, of a client that sends X-Forwarded-For but is not trusted."""
        if self._warned:
            return
        for name, _ in scope["headers"]:
            if name == b"x-forwarded-for":
                self._warned = True
                address = scope["client"][0] if scope["client"] else "nobody"
                log.warning(_UNTRUSTED, address)
                return

    def _client_of(self, forwarded: str) -> str | None:
        """The last address in the header that is not a trusted proxy's.

        Each proxy appends the address that it saw. Addresses before that may be forged.
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
    return _parse(text) if len(text) <= _MAX_HOP else None


@lru_cache(1_000)
def _parse(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # IPv6 sockets report IPv4 addresses in this form.
    return getattr(address, "ipv4_mapped", None) or address

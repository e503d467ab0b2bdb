"""Who may read /metrics: everybody, some addresses, or whoever has the token."""

import hmac
import ipaddress
import re
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from candor.setting_values import BadSettings

_TOKEN = re.compile(r"[\x21-\x7e]{16,}")
_LOCAL = "127.0.0.1,::1"


@dataclass(frozen=True)
class MetricsDoor:
    everybody: bool = True
    networks: tuple[Any, ...] = ()
    token: str | None = None

    @classmethod
    def of(cls, value: str, *, production: bool) -> "MetricsDoor":
        """By CANDOR_METRICS. Raises BadSettings."""
        value = value or (_LOCAL if production else "on")
        if value.lower() in {"on", "off"}:
            return cls(everybody=value.lower() == "on")
        parts = [part.strip() for part in value.split(",")]
        networks = [_network(part) for part in parts]
        if all(networks):
            return cls(everybody=False, networks=tuple(networks))
        if len(parts) > 1 or not _TOKEN.fullmatch(value):
            raise BadSettings(
                "CANDOR_METRICS is on, off, addresses such as 127.0.0.1,10.0.0.0/8, or a token of"
                " 16 characters or more."
            )
        return cls(everybody=False, token=value)

    def must_be_open(self, request: Request) -> None:
        """Raises HTTPException for somebody who may not read them."""
        if self.everybody:
            return
        if self.token is not None:
            _must_hold(self.token, request)
        elif not self.networks:
            raise HTTPException(404)
        elif not self._is_near(request):
            raise HTTPException(403, "The metrics are not for this address.")

    def _is_near(self, request: Request) -> bool:
        """Whether the socket's own address is one of ours: who was forwarded comes from a proxy."""
        if "x-forwarded-for" in request.headers or "forwarded" in request.headers:
            return False
        try:
            address: Any = ipaddress.ip_address(request.client.host if request.client else "")
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self.networks)


def _must_hold(token: str, request: Request) -> None:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(
        given.strip().encode(), token.encode()
    ):
        raise HTTPException(401, "Send the metrics' token.", {"WWW-Authenticate": "Bearer"})


def _network(text: str) -> Any:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None

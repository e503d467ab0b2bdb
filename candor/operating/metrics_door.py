"""Who may read /metrics: everybody, some addresses, or whoever has the token."""

import hmac
import ipaddress
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from candor.settings.metrics_access import MetricsAccess


def must_be_open(access: MetricsAccess, request: Request) -> None:
    """Raises HTTPException for somebody who may not read them."""
    if access.everybody:
        return
    if access.token is not None:
        _must_hold(access.token, request)
    elif not access.networks:
        raise HTTPException(404)
    elif not _is_near(access, request):
        raise HTTPException(403, "The metrics are not for this address.")


def _is_near(access: MetricsAccess, request: Request) -> bool:
    """Whether the socket's own address is one of ours: who was forwarded comes from a proxy."""
    if "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    try:
        address: Any = ipaddress.ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in access.networks)


def _must_hold(token: str, request: Request) -> None:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(
        given.strip().encode(), token.encode()
    ):
        raise HTTPException(401, "Send the metrics' token.", {"WWW-Authenticate": "Bearer"})

"""Who may read /metrics: everybody, some addresses, or those with the token."""

import hmac
import ipaddress
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from candor.settings.metrics_access import MetricsAccess


def require_access(access: MetricsAccess, request: Request) -> None:
    """Raises HTTPException for a request that may not read the metrics."""
    if access.everybody:
        return
    if access.token is not None:
        _require_token(access.token, request)
    elif not access.networks:
        raise HTTPException(404)
    elif not _is_allowed_address(access, request):
        raise HTTPException(403, "The metrics are not for this address.")


def _is_allowed_address(access: MetricsAccess, request: Request) -> bool:
    """Whether the socket's own address may read them. Forwarded requests are from elsewhere."""
    if "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    try:
        address: Any = ipaddress.ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in access.networks)


def _require_token(token: str, request: Request) -> None:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(
        given.strip().encode(), token.encode()
    ):
        raise HTTPException(401, "Send the metrics' token.", {"WWW-Authenticate": "Bearer"})

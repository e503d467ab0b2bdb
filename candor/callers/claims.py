"""The viewer that a token's claims name. Its signature must have been checked."""

from collections.abc import Mapping
from typing import Any

from candor.settings.claim_names import ROLES, ClaimNames
from resolvers import user_text
from resolvers.errors import Invalid
from resolvers.viewer import Role, Viewer


class BadClaim(Exception):
    """A claim is not as documented. The message is for the operator, and quotes no values."""


def viewer_of(claims: Mapping[str, Any], names: ClaimNames, *, is_ours: bool) -> Viewer:
    """The viewer of a token. `is_ours`: signed with our secret. Raises BadClaim."""
    role = _role(claims, names, is_ours=is_ours)
    vendor = _text(claims, names.vendor)
    if (role is Role.VENDOR) != (vendor is not None):
        raise BadClaim(f"{names.vendor} belongs to the role vendor, and to no other")
    name = _text(claims, "name")
    return Viewer(
        role,
        external_id=_identifier("sub", _text(claims, "sub")),
        display_name=user_text.line(name)[:200] if name else None,
        vendor=_identifier(names.vendor, vendor) if vendor is not None else None,
        email=_text(claims, "email") or None,
    )


def _role(claims: Mapping[str, Any], names: ClaimNames, *, is_ours: bool) -> Role:
    role = _text(claims, names.role)
    if role is None:
        raise BadClaim(f"{names.role} is missing")
    name = names.roles.get(role)
    if name is None and (is_ours or not names.roles):
        name = role.lower()
    if name not in ROLES:
        raise BadClaim(f"{names.role} is none of {', '.join(names.roles or ROLES)}")
    return Role[name.upper()]


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if value is not None and not isinstance(value, str):
        raise BadClaim(f"{name} must be a string, and is a {type(value).__name__}")
    return value


def _identifier(name: str, value: str | None) -> str:
    try:
        return user_text.identifier(value or "")
    except Invalid as error:
        raise BadClaim(f"{name}: {error.message}") from None

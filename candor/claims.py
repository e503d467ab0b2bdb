"""Whom the claims of a token name, once its signature was checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from resolvers import text
from resolvers.errors import Invalid
from resolvers.viewer import Role, Viewer

ROLES = {
    "customer": Role.CUSTOMER,
    "vendor": Role.VENDOR,
    "staff": Role.STAFF,
    "admin": Role.ADMIN,
}


class BadClaim(Exception):
    """A claim is not as documented. The message is for the operator, and quotes nothing."""


@dataclass(frozen=True)
class Claims:
    """How tokens say who somebody is: the names of claims, and roles by other names."""

    role: str = "role"
    vendor: str = "vendor"
    roles: Mapping[str, str] = field(default_factory=dict)

    def named(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        """Claims by our names, as they are called here."""
        names = {"role": self.role, "vendor": self.vendor}
        return {names.get(name, name): value for name, value in claims.items()}

    def viewer(self, claims: Mapping[str, Any], *, of_ours: bool) -> Viewer:
        """The person of a token, signed with our secret or with a key of others.

        Where roles have other names, others use those alone. Raises BadClaim.
        """
        role = self._role(claims, of_ours=of_ours)
        vendor = _text(claims, self.vendor)
        if (role is Role.VENDOR) != (vendor is not None):
            raise BadClaim(f"{self.vendor} belongs to the role vendor, and to no other")
        name = _text(claims, "name")
        return Viewer(
            role,
            external_id=_identifier("sub", _text(claims, "sub")),
            display_name=text.line(name)[:200] if name else None,
            vendor=_identifier(self.vendor, vendor) if vendor is not None else None,
            email=_text(claims, "email") or None,
        )

    def _role(self, claims: Mapping[str, Any], *, of_ours: bool) -> Role:
        given = _text(claims, self.role)
        if given is None:
            raise BadClaim(f"{self.role} is missing")
        name = self.roles.get(given)
        if name is None and (of_ours or not self.roles):
            name = given.lower()
        if name not in ROLES:
            raise BadClaim(f"{self.role} is none of {', '.join(self.roles or ROLES)}")
        return ROLES[name]


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if value is not None and not isinstance(value, str):
        raise BadClaim(f"{name} must be a string, and is a {type(value).__name__}")
    return value


def _identifier(name: str, value: str | None) -> str:
    try:
        return text.identifier(value or "")
    except Invalid as error:
        raise BadClaim(f"{name}: {error.message}") from None

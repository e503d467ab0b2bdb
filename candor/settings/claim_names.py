"""The names of claims and roles in tokens, as the operator maps them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ROLES = ("customer", "vendor", "staff", "admin")


@dataclass(frozen=True)
class ClaimNames:
    role: str = "role"
    vendor: str = "vendor"
    # Our names of roles by those of others. Where there are some, others use these alone.
    roles: Mapping[str, str] = field(default_factory=dict)

    def named(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        """Claims of ours, by the names that this installation uses."""
        names = {"role": self.role, "vendor": self.vendor}
        return {names.get(name, name): value for name, value in claims.items()}

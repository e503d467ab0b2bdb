"""The configured names of claims and roles in tokens."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ROLES = ("customer", "vendor", "staff", "moderator", "admin")


@dataclass(frozen=True)
class ClaimNames:
    role: str = "role"
    vendor: str = "vendor"
    # Our roles by the provider's names. If not empty, the provider's tokens may use these only.
    roles: Mapping[str, str] = field(default_factory=dict)

    def named(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        """Our claims under the configured names."""
        names = {"role": self.role, "vendor": self.vendor}
        return {names.get(name, name): value for name, value in claims.items()}

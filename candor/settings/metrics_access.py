"""Who may read /metrics, from CANDOR_METRICS."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Any

from candor.settings.values import BadSettings

_TOKEN = re.compile(r"[\x21-\x7e]{16,}")
_LOCAL = "127.0.0.1,::1"


@dataclass(frozen=True)
class MetricsAccess:
    everybody: bool = True
    networks: tuple[Any, ...] = ()
    token: str | None = None

    @classmethod
    def of(cls, value: str, *, production: bool) -> "MetricsAccess":
        """The access that a value of CANDOR_METRICS grants. Raises BadSettings."""
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


def _network(text: str) -> Any:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None

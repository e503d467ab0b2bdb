"""The sender of all mails, from the configuration."""

import re
from dataclasses import dataclass
from functools import cache

from models.host_name import a_labels

_SENDER = re.compile(
    r"(?:\s*\"?(?P<name>[^<>\"\x00-\x1f\x7f]*?)\"?\s*<)?"
    r"(?P<local>[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64})@(?P<domain>[^\s<>@]{1,253}?)>?\s*"
)
_DOMAIN = re.compile(r"[a-z0-9.-]{1,253}")


@dataclass(frozen=True)
class Sender:
    name: str
    address: str
    domain: str

    @classmethod
    @cache
    def parse(cls, text: str) -> "Sender":
        """Read `Name <address>` or a bare address. Raises ValueError."""
        match = _SENDER.fullmatch(text)
        if match is None or ("<" in text) != (">" in text):
            raise ValueError("The sender of mails must read: Name <address@domain>")
        domain = a_labels(match["domain"])
        if not _DOMAIN.fullmatch(domain):
            raise ValueError("The sender of mails must have a domain after the @.")
        return cls(match["name"] or "", f"{match['local']}@{domain}", domain)

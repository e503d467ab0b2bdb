"""Who a mail is from: the installation's own name and address."""

import re
from dataclasses import dataclass
from functools import cache

_SENDER = re.compile(
    r"(?:\s*\"?(?P<name>[^<>\"\x00-\x1f\x7f]*?)\"?\s*<)?"
    r"(?P<address>[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?P<domain>[A-Za-z0-9.-]{1,253}))>?\s*"
)


@dataclass(frozen=True)
class Sender:
    name: str
    address: str
    domain: str

    @classmethod
    @cache
    def parse(cls, text: str) -> "Sender":
        """Read `Name <address>` or a bare address. Raises ValueError."""
        found = _SENDER.fullmatch(text)
        if found is None or ("<" in text) != (">" in text):
            raise ValueError("The sender of mails must read: Name <address@domain>")
        return cls(found["name"] or "", found["address"], found["domain"].lower())

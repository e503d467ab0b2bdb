"""Host names by IDNA 2008, in which `straße` is not `strasse`."""

import idna

_LONGEST = 253


def a_labels(host: str) -> str:
    """The host in lower case and in A-labels, after the mapping that browsers apply (UTS 46).

    It never becomes another registrable name. Raises ValueError for a name that cannot exist.
    """
    if host.isascii() and "xn--" not in host.lower():
        return host.lower()
    if len(host) > _LONGEST:
        raise ValueError("The host name is too long.")
    try:
        return idna.encode(host, uts46=True, std3_rules=True).decode()
    except UnicodeError:
        raise ValueError(f"There can be no host name {host!r}.") from None

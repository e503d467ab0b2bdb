"""Names of time zones in IANA's list, which does not depend on the machine's system."""

from functools import cache
from importlib.resources import files


def time_zone(given: str) -> str:
    """The name of a zone as the list spells it. Raises ValueError with a sentence."""
    try:
        return _names()[given.strip().casefold()]
    except KeyError:
        raise ValueError("Give a time zone of the IANA list, such as Europe/Berlin.") from None


@cache
def _names() -> dict[str, str]:
    names = files("tzdata").joinpath("zones").read_text(encoding="ascii").split()
    # Factory is the list's entry for machines whose zone was never set.
    return {name.casefold(): name for name in names if name != "Factory"}

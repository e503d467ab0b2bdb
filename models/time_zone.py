"""Names of time zones by the IANA list, the same on every machine whatever its system has."""

from functools import cache
from importlib.resources import files


def time_zone(given: str) -> str:
    """The name of a zone as the list spells it. Raises ValueError for one that is not there."""
    try:
        return _names()[given.strip().casefold()]
    except KeyError:
        raise ValueError("Give a time zone of the IANA list, such as Europe/Berlin.") from None


@cache
def _names() -> dict[str, str]:
    names = files("tzdata").joinpath("zones").read_text(encoding="ascii").split()
    # Factory stands in the list for machines whose zone nobody has set.
    return {name.casefold(): name for name in names if name != "Factory"}

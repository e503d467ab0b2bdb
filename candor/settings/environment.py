"""The variables that Candor is told, by the environment and by the file `.env` beside it."""

import io
import os
import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from candor.settings.values import BadSettings

FILE = Path(".env")

# Of the suite; and what Kubernetes tells a pod of services called `candor` or `candor-…`.
_OF_OTHERS = re.compile(
    r"CANDOR_(?:TEST_.*|(?:\w+_)?(?:"
    r"SERVICE_(?:HOST|PORT(?:_\w+)?)=.*"
    r"|PORT_\d+_(?:TCP|UDP|SCTP)_(?:PROTO|PORT|ADDR)=.*"
    r"|PORT(?:_\d+_(?:TCP|UDP|SCTP))?=(?:tcp|udp|sctp)://.*))",
    re.DOTALL,
)


def environment() -> dict[str, str]:
    """Our variables as they are here; the environment's win over the file's. Raises BadSettings."""
    return ours(_of_file()) | ours(os.environ)


def ours(variables: Mapping[str, str]) -> dict[str, str]:
    """Those that are meant for us. One without a value is as good as none."""
    return {
        name: value.strip()
        for name, value in variables.items()
        if name.startswith("CANDOR_")
        and value.strip()
        and not _OF_OTHERS.fullmatch(f"{name}={value}")
    }


def refuse_unknown(given: Collection[str], known: Collection[str]) -> None:
    """Raises BadSettings for the first name that is none, with the nearest one that is."""
    for name in sorted(set(given) - set(known)):
        near = get_close_matches(name, known, n=1, cutoff=0)
        raise BadSettings(f"There is no setting {name}. The nearest is {near[0]}.")


def _of_file() -> dict[str, str]:
    if not FILE.is_file():
        return {}
    try:
        text = FILE.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(f"The file {FILE} cannot be read: {type(error).__name__}.") from None
    lines = [each for each in parse_stream(io.StringIO(text)) if each.key or each.error]
    return dict(_pair(line) for line in lines)


def _pair(line: Binding) -> tuple[str, str]:
    # What stands there is not quoted: it may be a password.
    if line.key is None or line.value is None:
        text = line.original.string
        blank = text[: len(text) - len(text.lstrip())].count("\n")
        raise BadSettings(f"{FILE}, line {line.original.line + blank}: write NAME=VALUE.")
    return line.key, line.value

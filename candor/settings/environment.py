"""Reads variables from the environment and from the file `.env` in the working folder."""

import io
import os
import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from candor.settings.values import BadSettings

FILE = Path(".env")

# Variables of the test suite, and those that Kubernetes sets for services named `candor…`.
_FOREIGN = re.compile(
    r"CANDOR_(?:TEST_.*|(?:\w+_)?(?:"
    r"SERVICE_(?:HOST|PORT(?:_\w+)?)=.*"
    r"|PORT_\d+_(?:TCP|UDP|SCTP)_(?:PROTO|PORT|ADDR)=.*"
    r"|PORT(?:_\d+_(?:TCP|UDP|SCTP))?=(?:tcp|udp|sctp)://.*))",
    re.DOTALL,
)


def environment() -> dict[str, str]:
    """Our variables; the environment overrides the file. Raises BadSettings."""
    return candor_variables(_file_variables()) | candor_variables(os.environ)


def candor_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables meant for Candor, without empty ones."""
    return {
        name: value.strip()
        for name, value in variables.items()
        if name.startswith("CANDOR_")
        and value.strip()
        and not _FOREIGN.fullmatch(f"{name}={value}")
    }


def refuse_unknown(given: Collection[str], known: Collection[str]) -> None:
    """Raises BadSettings for the first unknown name, with the most similar known one."""
    for name in sorted(set(given) - set(known)):
        near = get_close_matches(name, known, n=1, cutoff=0)
        raise BadSettings(f"There is no setting {name}. The nearest is {near[0]}.")


def _file_variables() -> dict[str, str]:
    if not FILE.is_file():
        return {}
    try:
        text = FILE.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(f"The file {FILE} cannot be read: {type(error).__name__}.") from None
    lines = [each for each in parse_stream(io.StringIO(text)) if each.key or each.error]
    return dict(_pair(line) for line in lines)


def _pair(line: Binding) -> tuple[str, str]:
    # The error never quotes the line: it may contain a password.
    if line.key is None or line.value is None:
        text = line.original.string
        blank = text[: len(text) - len(text.lstrip())].count("\n")
        raise BadSettings(f"{FILE}, line {line.original.line + blank}: write NAME=VALUE.")
    return line.key, line.value

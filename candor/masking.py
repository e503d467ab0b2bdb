"""Execution errors as clients may see them: refusals as they are, bugs masked by an id."""

import logging
import secrets
import traceback
from typing import Any

from graphql import GraphQLError

from candor.errors import Outage, formatted
from models.unavailable import Unavailable
from schema.errors import as_error, refusal_of

log = logging.getLogger("candor.errors")
_CAUSES, _FRAMES = 3, 8


def public_error(error: GraphQLError) -> dict[str, Any]:
    """An execution error as the client may see it. A bug is logged once and masked by an id."""
    refusal = refusal_of(error)
    if refusal is not None:
        return dict(as_error(error, refusal).formatted)
    if error.original_error is None or isinstance(error.original_error, GraphQLError):
        # Raised by coercion, of a variable (which has no path) or of an argument.
        return formatted(error, "BAD_USER_INPUT")
    return masked(error.original_error, error)


def masked(bug: BaseException, error: GraphQLError | None = None) -> dict[str, Any]:
    """Log a bug under an id, and return the client's error with the same id and nothing else.

    An unreachable database is no bug: its refusal is returned.
    """
    if isinstance(bug, Unavailable):
        return Outage.of(bug).errors[0]
    error_id = secrets.token_hex(8)
    path = ".".join(map(str, error.path or ())) if error else ""
    log.error(
        "error %s%s: %s",
        error_id,
        f" at {path}" if path else "",
        outline(bug),
        extra={"error_id": error_id},
    )
    public = GraphQLError(
        "Something went wrong on our side.",
        nodes=error.nodes if error else None,
        path=error.path if error else None,
    )
    return formatted(public, "INTERNAL_SERVER_ERROR", errorId=error_id)


def outline(bug: BaseException) -> str:
    """Classes and stack frames of an exception and its causes, innermost frame first.

    Never its message: drivers and libraries put values of the query into theirs.
    """
    parts: list[str] = []
    cause: BaseException | None = bug
    while cause is not None and len(parts) < _CAUSES:
        frames = traceback.extract_tb(cause.__traceback__)[-_FRAMES:]
        places = " < ".join(
            f"{'/'.join(f.filename.split('/')[-2:])}:{f.lineno} {f.name}" for f in reversed(frames)
        )
        parts.append(f"{type(cause).__module__}.{type(cause).__qualname__} ({places})")
        cause = cause.__cause__ or cause.__context__
    return " from ".join(parts)

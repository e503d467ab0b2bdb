"""Connect to a database, or say in one sentence without credentials why that fails."""

import asyncio
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
from tortoise.connection import get_connection
from tortoise.exceptions import ConfigurationError, DBConnectionError, OperationalError

from models.database import configuration, opened
from models.unavailable import Unavailable

# Seconds that a server has for its first response.
TIMEOUT = 10
_DATABASE_ERRORS = (
    Unavailable,
    DBConnectionError,
    OperationalError,
    sqlite3.Error,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
)
# Also what a wrong path, address or parameter of the URL raises.
_CONNECT_ERRORS = (*_DATABASE_ERRORS, OSError, TypeError, ValueError)


class NoDatabase(Exception):
    """The database cannot be used; the message says why."""


def names_a_database(url: str) -> bool:
    """Whether this can be the URL of a database in which no part of a password is misread."""
    try:
        configuration(url)
    except (ValueError, ConfigurationError):
        return False
    # The host ends at the first of these. An @ after it belongs to a password that contains one.
    rest = re.split("[/?#]", url.partition("://")[2], maxsplit=1)[1:]
    return url.startswith("sqlite:") or "@" not in "".join(rest)


async def connect(url: str, *, create: bool = False) -> None:
    """Check that the database responds. With `create`, make an SQLite file that is missing.

    Raises NoDatabase.
    """
    credentials = _credentials(url)
    with _explained(credentials, _CONNECT_ERRORS):
        _open_file(Path(credentials.get("file_path", ":memory:")), create=create)
        async with asyncio.timeout(TIMEOUT), opened(url):
            await get_connection("default").execute_query("SELECT 1")


def _open_file(path: Path, *, create: bool) -> None:
    """Open the file once: the system's error says more than SQLite's."""
    if path.name == ":memory:":
        return
    if not create and path.parent.is_dir() and not path.exists():
        raise NoDatabase(f"There is no database {path}: run candor migrate.")
    path.open("ab" if create else "r+b").close()


@contextmanager
def in_use(url: str) -> Iterator[None]:
    """Explain errors of a database after a successful `connect`. Raises NoDatabase."""
    with _explained(_credentials(url), _DATABASE_ERRORS):
        yield


@contextmanager
def _explained(credentials: dict[str, Any], errors: tuple[type[Exception], ...]) -> Iterator[None]:
    try:
        yield
    except errors as error:
        reason = " ".join(_reason(error).split()).rstrip(".")
        name = _name(credentials)
        raise NoDatabase(f"The database {name} cannot be used: {reason}.") from error


def _reason(error: BaseException) -> str:
    if isinstance(error, Unavailable) and error.__cause__ is not None:
        return _reason(error.__cause__)
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT} seconds"
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno)
    return getattr(error, "strerror", None) or str(error.__cause__ or error)


def _name(credentials: dict[str, Any]) -> str:
    if "file_path" in credentials:
        return str(credentials["file_path"])
    return f"{credentials['database']} at {credentials['host']}:{credentials['port']}"


def _credentials(url: str) -> dict[str, Any]:
    credentials: dict[str, Any] = configuration(url)["connections"]["default"]["credentials"]
    return credentials

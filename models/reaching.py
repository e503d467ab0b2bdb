"""Whether a database can be used, in one sentence that holds no credentials."""

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

# Seconds that a server has for its first answer.
PATIENCE = 10
_REFUSALS = (
    Unavailable,
    DBConnectionError,
    OperationalError,
    sqlite3.Error,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
)
# What a path, an address or a parameter of the URL can be wrong about.
_TROUBLES = (*_REFUSALS, OSError, TypeError, ValueError)


class NoDatabase(Exception):
    """The database cannot be used; the message says why."""


def names_a_database(url: str) -> bool:
    """Whether it can be the URL of a database, and no part of a password is taken for another."""
    try:
        configuration(url)
    except (ValueError, ConfigurationError):
        return False
    # The host ends at the first of these: an @ behind it is that of a password with one in it.
    behind = re.split("[/?#]", url.partition("://")[2], maxsplit=1)[1:]
    return url.startswith("sqlite:") or "@" not in "".join(behind)


async def reach(url: str, *, make: bool = False) -> None:
    """Ask the database for a first answer. An SQLite file that is not there is made when told to.

    Raises NoDatabase.
    """
    credentials = _credentials(url)
    with _explained(credentials, _TROUBLES):
        _touch(Path(credentials.get("file_path", ":memory:")), make=make)
        async with asyncio.timeout(PATIENCE), opened(url):
            await get_connection("default").execute_query("SELECT 1")


def _touch(path: Path, *, make: bool) -> None:
    """Open a file, because the system says better than SQLite why that cannot be done."""
    if path.name == ":memory:":
        return
    if not make and path.parent.is_dir() and not path.exists():
        raise NoDatabase(f"There is no database {path}: run candor migrate.")
    path.open("ab" if make else "r+b").close()


@contextmanager
def used(url: str) -> Iterator[None]:
    """Explain what a database that was reached refuses later on. Raises NoDatabase."""
    with _explained(_credentials(url), _REFUSALS):
        yield


@contextmanager
def _explained(
    credentials: dict[str, Any], troubles: tuple[type[Exception], ...]
) -> Iterator[None]:
    try:
        yield
    except troubles as error:
        reason = " ".join(_reason(error).split()).rstrip(".")
        name = _name(credentials)
        raise NoDatabase(f"The database {name} cannot be used: {reason}.") from error


def _reason(error: BaseException) -> str:
    if isinstance(error, Unavailable) and error.__cause__ is not None:
        return _reason(error.__cause__)
    if isinstance(error, TimeoutError):
        return f"no answer within {PATIENCE} seconds"
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

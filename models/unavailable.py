"""Drivers' errors that mean "not available now", as exceptions that know no driver."""

import sqlite3

import asyncpg
from tortoise.exceptions import DBConnectionError

# Prefixes of SQLSTATE: lost connections, deadlocks, no resources, shut down or cancelled, system
# errors, refused logins, a missing database; read-only, a lock timeout, terminated sessions.
_STATES = ("08", "40", "53", "57", "58", "28", "3D", "25006", "55P03", "25P03", "25P04")
_COLLISIONS = ("40001", "40P01")
# Those that come instead of a response: after a COMMIT, its outcome is unknown.
_INTERRUPTIONS = ("08", "57P", "40003", "58")
_CODES = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOTADB,
}
# The mask of SQLite's primary result codes within extended ones.
_PRIMARY = 0xFF


class Unavailable(Exception):
    """The database cannot do this now. The reason is a name, never a value of a statement."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Collided(Unavailable):
    """Two transactions collided, and this one was undone. It may be repeated."""


class OutcomeUnknown(Unavailable):
    """The database was sent a commit and never responded."""


def translated(error: Exception, *, commits: bool = False) -> Unavailable | None:
    """The translation of a driver's error; None for a bug or a violated constraint.

    `commits`: the statement was a COMMIT, or a write that is a transaction of its own.
    """
    if isinstance(error, Unavailable):
        return error
    inner = _inner(error)
    if isinstance(inner, sqlite3.Error):
        return _of_sqlite(inner)
    if isinstance(inner, asyncpg.PostgresError):
        return _of_postgres(inner, commits=commits)
    # A closed pool, a network error or a timeout.
    if isinstance(inner, OSError) or _is_closed(inner):
        return (OutcomeUnknown if commits else Unavailable)(type(inner).__name__)
    return Unavailable(type(inner).__name__) if isinstance(inner, DBConnectionError) else None


def is_busy(error: Exception) -> bool:
    """Whether SQLite waited in vain for another process's lock, and did nothing."""
    code = getattr(_inner(error), "sqlite_errorcode", None)
    return code is not None and code & _PRIMARY == sqlite3.SQLITE_BUSY


def _inner(error: Exception) -> Exception:
    """The driver's own error: Tortoise wraps some of them."""
    return error.args[0] if error.args and isinstance(error.args[0], Exception) else error


def _of_sqlite(error: sqlite3.Error) -> Unavailable | None:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & _PRIMARY in _CODES:
        return Unavailable(error.sqlite_errorname)
    # Statements name only Candor's tables, so the file must be another database.
    return Unavailable("NO_SUCH_TABLE") if "no such table" in str(error) else None


def _of_postgres(error: asyncpg.PostgresError, *, commits: bool) -> Unavailable | None:
    state, name = error.sqlstate or "", type(error).__name__
    if state in _COLLISIONS:
        return Collided(name)
    if commits and state.startswith(_INTERRUPTIONS):
        return OutcomeUnknown(name)
    return Unavailable(name) if state.startswith(_STATES) else None


def _is_closed(error: Exception) -> bool:
    """Whether asyncpg reports a closed connection or pool."""
    return type(error) in {asyncpg.InterfaceError, asyncpg.InternalClientError} and any(
        word in str(error) for word in ("closed", "closing", "unknown protocol state")
    )

"""What a database cannot do for now, in our own words: nothing above knows drivers."""

import sqlite3

import asyncpg
from tortoise.exceptions import DBConnectionError

# By their beginning: lost connections, deadlocks, no room, shut down or cancelled, system errors,
# refused logins, a database that is gone; read-only, a lock that is not to be had, sessions that
# were ended.
_STATES = ("08", "40", "53", "57", "58", "28", "3D", "25006", "55P03", "25P03", "25P04")
_COLLISIONS = ("40001", "40P01")
# Those that come instead of an answer: whether a COMMIT was done, they do not tell.
_ENDS = ("08", "57P", "40003", "58")
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
_PRIMARY = 0xFF


class Unavailable(Exception):
    """The database cannot do this for now. The reason is a name, never a value of a statement."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Collided(Unavailable):
    """Two transactions were in each other's way, and this one was undone. It may run once more."""


class OutcomeUnknown(Unavailable):
    """It was told to store something, and its answer never came."""


def translated(error: Exception, *, decides: bool = False) -> Unavailable | None:
    """What a driver's error means, or None for one that is a bug or a refusal.

    `decides`: it came instead of the answer to a COMMIT, or to a write that is its own transaction.
    """
    if isinstance(error, Unavailable):
        return error
    inner = _inner(error)
    if isinstance(inner, sqlite3.Error):
        return _of_sqlite(inner)
    if isinstance(inner, asyncpg.PostgresError):
        return _of_postgres(inner, decides=decides)
    # Of our own wish (a closed pool), of the network, or of the time that an answer may take.
    if isinstance(inner, OSError) or _is_closed(inner):
        return (OutcomeUnknown if decides else Unavailable)(type(inner).__name__)
    return Unavailable(type(inner).__name__) if isinstance(inner, DBConnectionError) else None


def is_busy(error: Exception) -> bool:
    """Whether SQLite waited for another process in vain, and has done nothing."""
    code = getattr(_inner(error), "sqlite_errorcode", None)
    return code is not None and code & _PRIMARY == sqlite3.SQLITE_BUSY


def _inner(error: Exception) -> Exception:
    """The driver's own error: Tortoise wraps some of them."""
    return error.args[0] if error.args and isinstance(error.args[0], Exception) else error


def _of_sqlite(error: sqlite3.Error) -> Unavailable | None:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & _PRIMARY in _CODES:
        return Unavailable(error.sqlite_errorname)
    # We ask for our own tables alone: the file is another one.
    return Unavailable("NO_SUCH_TABLE") if "no such table" in str(error) else None


def _of_postgres(error: asyncpg.PostgresError, *, decides: bool) -> Unavailable | None:
    state, name = error.sqlstate or "", type(error).__name__
    if state in _COLLISIONS:
        return Collided(name)
    if decides and state.startswith(_ENDS):
        return OutcomeUnknown(name)
    return Unavailable(name) if state.startswith(_STATES) else None


def _is_closed(error: Exception) -> bool:
    """The driver's word for a connection or a pool that is there no more."""
    return type(error) in {asyncpg.InterfaceError, asyncpg.InternalClientError} and any(
        word in str(error) for word in ("closed", "closing", "unknown protocol state")
    )

"""Check that the database can store something: store a row and delete it."""

from models import sql
from models.database import transaction

# Not the form of a digest, so it is nobody's.
_NOBODY = "candor-ready"
_INSERT = "INSERT INTO mail_suppression (recipient_hash, suppressed_at) VALUES (?, 0)"
_DELETE = "DELETE FROM mail_suppression WHERE recipient_hash = ?"


async def check() -> None:
    """Store a row, delete it and commit: a rollback would not need the disk.

    Raises models.unavailable.Unavailable.
    """
    async with transaction():
        if sql.is_postgres():
            await _write_temporary_file()
        await sql.execute(_INSERT, _NOBODY)
        await sql.execute(_DELETE, _NOBODY)


async def _write_temporary_file() -> None:
    """Have PostgreSQL use new disk space: a row may still fit into an existing page."""
    await sql.execute("SET LOCAL work_mem = '64kB'")
    await sql.fetch("SELECT COUNT(*) AS rows FROM generate_series(1, 10000)")

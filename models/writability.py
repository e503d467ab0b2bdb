"""Whether something can be stored: by storing it, and taking it away again."""

from models import sql
from models.database import transaction

# No digest of an address looks like this.
_NOBODY = "candor-ready"
_STORE = "INSERT INTO mail_suppression (recipient_hash, suppressed_at) VALUES (?, 0)"
_REMOVE = "DELETE FROM mail_suppression WHERE recipient_hash = ?"


async def prove() -> None:
    """Store a row and remove it, with a COMMIT: what is rolled back need not reach the disk.

    Raises models.unavailable.Unavailable.
    """
    async with transaction():
        if sql.is_postgres():
            await _take_room()
        await sql.execute(_STORE, _NOBODY)
        await sql.execute(_REMOVE, _NOBODY)


async def _take_room() -> None:
    """Have PostgreSQL write a temporary file: a row may still fit into a page that is there."""
    await sql.execute("SET LOCAL work_mem = '64kB'")
    await sql.fetch("SELECT COUNT(*) AS rows FROM generate_series(1, 10000)")

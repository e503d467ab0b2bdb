"""A database without any table, of each kind, for the tests of single migrations."""

import asyncio
import uuid

import asyncpg
import pytest


async def _create(server, name):
    url = server.format(database="postgres").replace("postgres://", "postgresql://", 1)
    connection = await asyncpg.connect(url)
    await connection.execute(f'CREATE DATABASE "{name}"')
    await connection.close()


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database(request, tmp_path):
    """Its URL."""
    if request.param == "sqlite":
        return f"sqlite://{tmp_path / 'before.sqlite3'}"
    server, name = request.getfixturevalue("postgres_server"), f"before_{uuid.uuid4().hex[:8]}"
    asyncio.run(_create(server, name))
    return server.format(database=name)

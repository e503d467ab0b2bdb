"""A server that cannot store anything is not ready, even if it answers."""

import shutil
import subprocess
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import asyncpg
import httpx
import pytest

from candor.app import create_app
from candor.settings import Settings
from models import sql
from tests.fixtures.application import SECRET


@pytest.fixture(autouse=True)
def looked_at_each_time(monkeypatch):
    monkeypatch.setattr("candor.operating.health._PROOF_LASTS", 0.0)


@pytest.fixture
def served():
    """Serve a database: `async with served(url) as client`."""

    @asynccontextmanager
    async def start(url):
        application = create_app(Settings(database_url=url, secret=SECRET))
        transport = httpx.ASGITransport(app=application)
        async with (
            application.router.lifespan_context(application),
            httpx.AsyncClient(transport=transport, base_url="http://candor.test") as client,
        ):
            yield client

    return start


def path_of(url):
    return url.removeprefix("sqlite://").partition("?")[0]


async def ready(client):
    answer = await client.get("/readyz")
    return answer.status_code, answer.json().get("code"), answer.json().get("detail")


async def test_to_be_ready_leaves_nothing(client, stored):
    before = await stored()
    for _ in range(3):
        assert await ready(client) == (200, None, None)

    assert await stored() == before
    assert await sql.fetch("SELECT * FROM mail_suppression") == []


async def test_what_was_seen_just_now_is_not_looked_for_again(client, monkeypatch):
    monkeypatch.setattr("candor.operating.health._PROOF_LASTS", 60.0)
    monkeypatch.setattr("models.writability.check", counted := Counted())
    for _ in range(5):
        assert await ready(client) == (200, None, None)

    assert counted.times == 1


class Counted:
    times = 0

    async def __call__(self):
        self.times += 1


@pytest.fixture
def small_disk(tmp_path):
    """A disk of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=False, capture_output=True
    )
    if made.returncode:
        pytest.skip("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


async def test_a_full_disk_is_not_ready(small_disk, sqlite_database, served):
    shutil.copyfile(path_of(sqlite_database), small_disk / "candor.sqlite3")
    async with served(f"sqlite://{small_disk}/candor.sqlite3") as client:
        assert await ready(client) == (200, None, None)
        with (small_disk / "films").open("wb", 0) as films, suppress(OSError):
            while films.write(b"x" * 512):
                pass
        full = await ready(client)
        (small_disk / "films").unlink()

        assert full == (503, "NOT_WRITABLE", "SQLITE_FULL")
        assert await ready(client) == (200, None, None)


async def test_a_read_only_file_is_not_ready(sqlite_database, served):
    async with served(f"{sqlite_database}?query_only=1") as client:
        assert await ready(client) == (503, "NOT_WRITABLE", "SQLITE_READONLY")


@contextmanager
def moved(path, *, copied):
    """Move the file away meanwhile, and optionally put a copy in its place."""
    away = Path(path).rename(f"{path}.away")
    if copied:
        shutil.copyfile(away, path)
    yield
    away.replace(path)


@pytest.mark.parametrize("copied", [False, True])
async def test_a_file_that_was_removed_or_replaced_is_not_ready(copied, sqlite_database, served):
    async with served(sqlite_database) as client:
        assert await ready(client) == (200, None, None)
        with moved(path_of(sqlite_database), copied=copied):
            readiness = await ready(client)

        assert readiness == (503, "NOT_WRITABLE", "THE_FILE_WAS_REMOVED_OR_REPLACED")
        assert await ready(client) == (200, None, None)


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("default_transaction_read_only = on", "ReadOnlySQLTransactionError"),
        # Stands for a full disk: nothing may be written to temporary files.
        ("temp_file_limit = 0", "ConfigurationLimitExceededError"),
    ],
)
async def test_a_postgres_that_does_not_write_is_not_ready(
    setting, reason, postgres_database, served
):
    connection = await asyncpg.connect(postgres_database.replace("postgres", "postgresql", 1))
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f'ALTER DATABASE "{name}" SET {setting}')
    await connection.close()

    async with served(postgres_database) as client:
        assert await ready(client) == (503, "NOT_WRITABLE", reason)

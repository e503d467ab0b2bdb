"""Every command reports a database that cannot be used in one sentence without credentials."""

import asyncio
import socket
import sqlite3
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
from click.testing import CliRunner

from candor.commands.main import main
from models.migrating import migrate

SECRET = "a secret of the tests, long enough to sign with"
PASSWORD = "hunter2"
MIGRATING = {"migrate": ["migrate"], "serve": ["serve", "--port", "0"]}
OTHERS = {
    "worker": ["worker"],
    "check": ["check"],
    "key create": ["key", "create", "--name", "shop", "--scope", "ORDERS_WRITE"],
    "key list": ["key", "list"],
    "key revoke": ["key", "revoke", "shop"],
    "import orders": ["import", "orders", "orders.csv"],
    "import reviews": ["import", "reviews", "reviews.csv"],
}
COMMANDS = MIGRATING | OTHERS
HEADS = {
    "orders.csv": "order_id,status,completed_at,customer_id,customer_name,customer_email,vendor_id,vendor_name,service_id,service_title\nO1,COMPLETED,2026-01-01,M,Maria,,N,Nina,S,A logo\n",
    "reviews.csv": "order_id,rating,body,created_at\nO1,5,Fine,2026-01-02\n",
}


@pytest.fixture
def closed_port():
    """A port on which nothing listens during the test."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, text in HEADS.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "a-folder").mkdir()
    (tmp_path / "letter.txt").write_text("Dear database,\n" * 100)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder, monkeypatch):
    """Run a command on a database: its exit code and lines of output."""
    monkeypatch.setenv("CANDOR_SECRET", SECRET)
    monkeypatch.setattr("candor.server.serving.serve", lambda *_, **__: pytest.fail("it serves"))

    def invoke(command, url):
        monkeypatch.setenv("CANDOR_DATABASE_URL", url)
        result = CliRunner().invoke(main, COMMANDS[command])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result.exit_code, result.output.splitlines()

    return invoke


def is_one_sentence(answer):
    code, lines = answer
    return code == 1 and len(lines) == 1 and lines[0].startswith("Error: ") and lines[0][-1] == "."


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("sqlite://", "CANDOR_DATABASE_URL"),
        ("mysql://root:hunter2@localhost/shop", "CANDOR_DATABASE_URL"),
        ("postgres//candor:hunter2@localhost/shop", "CANDOR_DATABASE_URL"),
        ("postgres://candor:hunter2@127.0.0.1:port/shop", "CANDOR_DATABASE_URL"),
        ("postgres://candor:hunter2@127.0.0.1:99999/shop", "CANDOR_DATABASE_URL"),
        ("postgres://candor:54/hunter2@127.0.0.1:5432/shop", "%2F"),
        ("postgres://candor:54#hunter2@127.0.0.1:5432/shop", "%23"),
        ("postgres://candor:54?hunter2@127.0.0.1:5432/shop", "%3F"),
        ("postgres://candor:hunter2@[::1/shop", "CANDOR_DATABASE_URL"),
        ("postgres://candor:hunter2@127.0.0.1/shop?maxsize=many", "many"),
        ("postgres://candor:hunter2@nowhere.invalid/shop", "shop at nowhere.invalid:5432"),
        ("sqlite://a-folder", "a-folder"),
        ("sqlite://letter.txt", "not a database"),
        ("sqlite://letter.txt/candor.sqlite3", "letter.txt"),
        ("sqlite://nowhere/candor.sqlite3", "nowhere"),
    ],
)
def test_every_command_says_why_in_one_sentence(run, command, url, why):
    answer = run(command, url)

    assert is_one_sentence(answer), answer
    assert why in answer[1][0]
    assert PASSWORD not in answer[1][0]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_server_that_is_not_there_is_named_without_credentials(run, command, closed_port):
    answer = run(command, f"postgres://candor:{PASSWORD}@127.0.0.1:{closed_port}/shop")

    assert is_one_sentence(answer), answer
    assert f"shop at 127.0.0.1:{closed_port} cannot be used: Connection refused." in answer[1][0]
    assert PASSWORD not in answer[1][0]


def changed(url, user=None, **parameters):
    """The URL for another user, or with more parameters."""
    parts = urlsplit(url)
    netloc = f"{user}:{PASSWORD}@{parts.netloc.rpartition('@')[2]}" if user else parts.netloc
    query = urlencode(dict(parse_qsl(parts.query)) | parameters)
    return urlunsplit(parts._replace(netloc=netloc, query=query))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("database", "change", "why"),
    [
        ("no_such_database", {}, '"no_such_database" does not exist'),
        ("postgres", {"user": "stranger"}, '"stranger"'),
        ("postgres", {"sslmod": "require"}, "sslmod"),
        ("postgres", {"maxsize": "0"}, "max_size"),
    ],
)
def test_a_server_that_refuses_is_quoted(run, command, database, change, why, postgres_server):
    answer = run(command, changed(postgres_server.format(database=database), **change))

    assert is_one_sentence(answer), answer
    assert why in answer[1][0]
    assert PASSWORD not in answer[1][0]


@pytest.mark.parametrize("command", ["migrate", "key list"])
def test_a_server_that_never_answers_is_given_up(run, command, monkeypatch):
    monkeypatch.setattr("models.reaching.TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        answer = run(command, f"postgres://candor@127.0.0.1:{silent.getsockname()[1]}/shop")

    assert is_one_sentence(answer), answer
    assert "no answer within 0.2 seconds" in answer[1][0]


@pytest.mark.parametrize("command", OTHERS)
def test_a_file_that_is_not_there_is_not_made_by_a_command_that_needs_one(run, command, folder):
    answer = run(command, "sqlite://candor.sqlite3")

    assert is_one_sentence(answer), answer
    assert "candor migrate" in answer[1][0]
    assert not list(folder.glob("candor.sqlite3*"))


@pytest.mark.parametrize("command", OTHERS)
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_database_without_our_tables_asks_for_them(run, command, kind, folder, postgres_server):
    sqlite3.connect(folder / "empty.sqlite3").close()
    (folder / "empty.sqlite3").touch()
    url = "sqlite://empty.sqlite3"
    if kind == "postgres":
        url = postgres_server.format(database="postgres")

    answer = run(command, url)

    assert is_one_sentence(answer), answer
    assert "candor migrate" in answer[1][0]


@pytest.mark.parametrize("command", ["key create", "import orders"])
def test_a_database_that_may_not_be_written_says_so(run, command, sqlite_database):
    answer = run(command, f"{sqlite_database}?query_only=1")

    assert is_one_sentence(answer), answer
    assert "readonly" in answer[1][0]


async def test_a_role_without_rights_says_so(postgres_database, run):
    connection = await asyncpg.connect(postgres_database.replace("postgres", "postgresql", 1))
    role = f"reader_{uuid4().hex[:8]}"
    await connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
    await connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")

    answer = await asyncio.to_thread(run, "key create", changed(postgres_database, role))

    await connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    await connection.close()
    assert is_one_sentence(answer), answer
    assert "permission denied" in answer[1][0]


def test_migrate_makes_the_file_that_is_not_there(run, folder):
    assert run("migrate", "sqlite://candor.sqlite3")[0] == 0
    assert run("key list", "sqlite://candor.sqlite3") == (0, [])


async def test_what_is_migrated_already_stays_usable(sqlite_database, run):
    await migrate(sqlite_database)

    assert await asyncio.to_thread(run, "migrate", sqlite_database) == (
        0,
        ["The database is up to date."],
    )

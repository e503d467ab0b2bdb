"""Variables from the environment and from `.env`, unknown ones, and missing ones."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from candor.settings import BadSettings, from_environment

ROOT = Path(__file__).parent.parent.parent
SECRET = "a secret of the tests, long enough to sign with"
CANDOR = [sys.executable, "-c", "from candor.commands.main import main; main()"]
BARE = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}


@pytest.fixture
def candor(tmp_path):
    """Run `candor` in an empty folder: exit code, stdout and stderr."""

    def run(*arguments, **variables):
        done = subprocess.run(
            [*CANDOR, *arguments],
            cwd=tmp_path,
            env=BARE | variables,
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout.strip(), done.stderr.strip()

    return run


@pytest.fixture
def env_file(tmp_path):
    def write(text, encoding="utf-8"):
        (tmp_path / ".env").write_bytes(text.encode(encoding))

    return write


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("CANDOR_SECERT", "CANDOR_SECRET"),
        ("CANDOR_ENVIRONMENT", "CANDOR_ENV"),
        ("CANDOR_DATABASE_URI", "CANDOR_DATABASE_URL"),
        ("CANDOR_CORS_ORIGIN", "CANDOR_CORS_ORIGINS"),
        ("CANDOR_PORT", "CANDOR_"),
        ("CANDOR_", "CANDOR_"),
    ],
)
def test_a_name_that_is_no_setting_is_refused_with_the_nearest_that_is(name, nearest):
    with pytest.raises(
        BadSettings, match=rf"There is no setting {name}\. The nearest is {nearest}"
    ):
        from_environment({"CANDOR_SECRET": SECRET, name: "x"})


@pytest.mark.parametrize("previous", ["short", SECRET])
def test_a_previous_secret_that_cannot_be_is_refused(previous):
    with pytest.raises(BadSettings, match="CANDOR_SECRET_PREVIOUS"):
        from_environment({"CANDOR_SECRET": SECRET, "CANDOR_SECRET_PREVIOUS": previous})


def test_a_misspelt_name_is_told_before_what_is_missing_for_it():
    with pytest.raises(BadSettings, match="CANDOR_SECERT"):
        from_environment({"CANDOR_ENV": "production", "CANDOR_SECERT": SECRET})


def test_names_of_others_and_names_without_a_value_are_let_through():
    of_others = {
        "CANDOR_TEST_POSTGRES_URL": "postgres://localhost/x",
        "CANDOR_SECERT": "",
        "CANDOR_BUDGET": "  ",
        "CANDORA": "x",
        # What Kubernetes sets for services named `candor` and `candor-db`.
        "CANDOR_SERVICE_HOST": "10.0.0.1",
        "CANDOR_SERVICE_PORT": "8000",
        "CANDOR_SERVICE_PORT_HTTP": "8000",
        "CANDOR_PORT": "tcp://10.0.0.1:8000",
        "CANDOR_PORT_8000_TCP": "tcp://10.0.0.1:8000",
        "CANDOR_PORT_8000_TCP_PROTO": "tcp",
        "CANDOR_PORT_8000_TCP_PORT": "8000",
        "CANDOR_PORT_8000_TCP_ADDR": "10.0.0.1",
        "CANDOR_DB_SERVICE_HOST": "10.0.0.2",
        "CANDOR_DB_PORT_5432_TCP_ADDR": "10.0.0.2",
    }

    assert from_environment(of_others | {"CANDOR_SECRET": SECRET}).budget == 10_000


@pytest.mark.parametrize(
    "command",
    [
        ("token", "--role", "admin", "--id", "ADA"),
        ("serve", "--port", "0"),
        ("serve", "--port", "0", "--workers", "2"),
        ("worker",),
        ("migrate",),
        ("check",),
        ("key", "list"),
        ("mails", "shown"),
    ],
)
def test_every_command_refuses_to_start_with_an_unknown_name(candor, tmp_path, command):
    code, said, complained = candor(*command, CANDOR_SECRET=SECRET, CANDOR_SMTP_URI="console:")

    assert (code, said) == (1, "")
    assert complained == (
        "Error: There is no setting CANDOR_SMTP_URI. The nearest is CANDOR_SMTP_URL."
    )
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_read_by_commands_and_the_environment_wins(candor, env_file, tmp_path):
    env_file(
        "# ours\nOTHERS=1\nCANDOR_ENV=production\nexport CANDOR_SECRET='" + SECRET + "'\n"
        "CANDOR_DATABASE_URL=sqlite://of-the-file.sqlite3\n",
        encoding="utf-8-sig",
    )

    assert candor("migrate")[0] == 0
    assert candor("migrate", CANDOR_DATABASE_URL="")[0] == 0
    assert (tmp_path / "of-the-file.sqlite3").exists()
    assert not (tmp_path / "candor-secret").exists()

    assert candor("migrate", CANDOR_DATABASE_URL="sqlite://of-us.sqlite3")[0] == 0
    assert (tmp_path / "of-us.sqlite3").exists()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("CANDOR_SECERT=x\n", "There is no setting CANDOR_SECERT. The nearest is CANDOR_SECRET."),
        ("\n\nCANDOR_SECRET: hunter2\n", ".env, line 3: write NAME=VALUE."),
        ("CANDOR_ENV=production\nCANDOR_SECRET\n", ".env, line 2: write NAME=VALUE."),
        ("CANDOR_ENV=staging\n", "CANDOR_ENV must be"),
    ],
)
def test_a_file_that_is_wrong_is_refused_and_not_quoted(candor, env_file, text, complaint):
    env_file(text)

    code, said, complained = candor("token", "--role", "admin", "--id", "ADA")

    assert (code, said) == (1, "")
    assert complaint in complained
    assert "hunter2" not in complained


def test_a_file_in_another_encoding_is_refused(candor, env_file):
    env_file(f"CANDOR_SECRET={SECRET}ä\n", encoding="latin-1")

    assert "The file .env cannot be read" in candor("migrate")[2]


def test_a_folder_of_that_name_is_no_file(candor, tmp_path):
    (tmp_path / ".env").mkdir()

    assert candor("migrate", CANDOR_SECRET=SECRET)[0] == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_server_processes_know_what_the_file_said_when_the_server_started(
    env_file, tmp_path, workers
):
    env_file(f"CANDOR_SECRET={SECRET}\nCANDOR_GRAPHIQL=off\nCANDOR_DATABASE_URL=sqlite://f.sqlite3")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [*CANDOR, "serve", "--port", str(port), "--workers", workers],
        cwd=tmp_path,
        env=BARE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert re.match("Candor answers at", server.stdout.readline())
        (tmp_path / ".env").write_text("CANDOR_GRAPHIQL=on\n")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
            page = answer.read().decode()
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=30)

    assert "GraphiQL" not in page
    assert (tmp_path / "f.sqlite3").exists()
    assert not (tmp_path / "candor-secret").exists()


def test_production_on_the_default_database_is_warned(candor, tmp_path):
    production = {"CANDOR_ENV": "production", "CANDOR_SECRET": SECRET}
    elsewhere = {"CANDOR_DATABASE_URL": f"sqlite://{tmp_path}/kept.sqlite3"}

    warned = candor("migrate", **production)
    again = candor("check", **production)
    kept = candor("migrate", **production, **elsewhere)
    development = candor("migrate", CANDOR_SECRET=SECRET)

    assert (warned[0], "CANDOR_DATABASE_URL" in warned[2]) == (0, True)
    assert again[2].count("Warning") == 1
    assert "Warning" not in kept[2] + development[2]

"""Runs every command block of the documents as written, in a fresh clone."""

import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest
from click import Group
from graphql import parse, validate

from candor.commands.main import main
from schema.api import schema

ROOT = Path(__file__).parent.parent
# The README comes first: the others rely on what it sets up.
DOCUMENTS = [ROOT / "README.md", *sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")} - {ROOT / "README.md"})]  # fmt: skip
# Commands that are not run, and why: each needs a network.
NOT_RUN = {
    "npx maildev@2.2.1 --ip 127.0.0.1 --web-ip 127.0.0.1": "comes from the npm registry",
    "pipx install git+https://REPOSITORY@TAG": "comes from a repository",
    "pipx install 'candor-reviews[redis] @ git+https://REPOSITORY@TAG'": "comes from a repository",
    "python3 -m venv /opt/candor": "makes the folder of the next two",
    "/opt/candor/bin/pip install --no-deps --require-hashes -r requirements/run.txt": "fetches packages",
    "/opt/candor/bin/pip install --no-deps --no-build-isolation .": "needs what the one before fetched",
}
# Commands that run until they are ended, and what they print when they are ready.
LASTING = {
    "make run": "Maria's link",
    "candor serve": "Candor answers at",
    "candor worker": "is at work",
    "candor mails --serve": "The mails are at",
}
# Commands that change the shell for those after them.
STAYS = re.compile(r"(?:\.|cd|export) ")


def blocks(path, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", path.read_text(), re.DOTALL | re.MULTILINE)


def commands(path):
    """The commands of a document without their comments."""
    for block in blocks(path, "console"):
        assert block.startswith("$ "), block
        for command in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            yield re.sub(r"\s+# .*", "", command) if "\n" not in command.strip() else command


COMMANDS = [command.strip() for path in DOCUMENTS for command in commands(path)]


def test_what_is_not_run_is_all_in_the_documents_and_nothing_more():
    """Each exception is needed: its command is in the documents once and uses another machine."""
    assert len(COMMANDS) > 15
    for command in NOT_RUN:
        assert COMMANDS.count(command) == 1, command
        assert re.match(r"npx |pipx |\S*pip install |python3 -m venv /opt/", command)


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def machine(tmp_path, port):
    """A fresh clone in which `make` uses the packages installed on this machine, and no index."""
    ignored = shutil.ignore_patterns(".git", ".venv*", "*.egg-info", "__pycache__", ".*_cache", "*.sqlite3*", "candor-secret", ".hypothesis")  # fmt: skip
    clone = shutil.copytree(ROOT, tmp_path / "clone", ignore=ignored)
    subprocess.run([sys.executable, "-m", "venv", clone / ".venv"], check=True, timeout=120)
    (packages,) = (clone / ".venv").glob("lib/python*/site-packages")
    (packages / "here.pth").write_text(sysconfig.get_path("purelib"))
    environment = {
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
        "PIP_NO_INDEX": "1",
        "PORT": str(port),
    }
    machine = Machine(clone, environment)
    yield machine
    machine.end()


class Machine:
    """Runs commands one by one in one folder, as in one terminal."""

    def __init__(self, folder, environment):
        self.folder, self.environment = folder, environment
        self.before, self.lasting = [], None

    def run(self, command):
        """The output of a command. A lasting one is left running until the next of its kind."""
        script = "\n".join(["set -e", *self.before, command])
        said = next((said for start, said in LASTING.items() if start in command), None)
        if said is not None:
            return self._begin(script, said)
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            check=False,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        if STAYS.match(command):
            self.before.append(command)
        return done.stdout

    def _begin(self, script, said):
        self.end()
        with (self.folder / "said.txt").open("w") as file:
            self.lasting = subprocess.Popen(
                ["bash", "-c", script],
                cwd=self.folder,
                env=self.environment,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        ends = time.monotonic() + 120
        while said not in (text := (self.folder / "said.txt").read_text()) or text.endswith(said):
            assert self.lasting.poll() is None, text
            assert time.monotonic() < ends, text
            time.sleep(0.1)
        return text

    def end(self):
        if self.lasting is not None and self.lasting.poll() is None:
            os.killpg(self.lasting.pid, 15)
            self.lasting.wait(20)


@pytest.mark.skipif(shutil.which("curl") is None, reason="the README asks by curl")
def test_every_command_of_the_documents_does_what_it_says(machine, port):
    token = said = None

    for command in COMMANDS:
        if command in NOT_RUN:
            continue
        here = command.replace("127.0.0.1:8000", f"127.0.0.1:{port}").replace("8025", "0")
        said = machine.run(here.replace("TOKEN", token or "TOKEN"))
        if command == "make run":
            token = (machine.folder / "said.txt").read_text().partition("Customer Maria:")[2]
            token = re.search(r"Bearer ([\w.-]+)", token)[1]
        if command.startswith("curl"):
            assert '"data":{' in said
            assert '"errors":[{' not in said
        assert "Traceback" not in said

    assert token is not None
    assert not list(machine.folder.parent.glob("*.sqlite3"))


def named(language):
    """Text between backticks that begins with this word."""
    for path in DOCUMENTS:
        for line in re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE).splitlines():  # fmt: skip
            yield from re.findall(rf"`{language} ([^`]+)`", line)


def test_every_command_that_a_sentence_names_is_one():
    for words in named("candor"):
        command = main
        for word in words.split():
            if not isinstance(command, Group) or not re.fullmatch(r"[a-z-]+", word):
                break
            assert word in command.commands, words
            command = command.commands[word]


def test_every_target_that_a_sentence_names_is_one():
    makefile = (ROOT / "Makefile").read_text()
    for words in named("make"):
        target = words.split()[0]
        assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), words


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_operation_of_the_documents_is_valid(path):
    for operation in blocks(path, "graphql"):
        assert validate(schema._schema, parse(operation)) == []

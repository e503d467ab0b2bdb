"""The commands that send and render mails, as an operator runs them."""

import asyncio
import os
import signal
import socket
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from uuid import UUID

import httpx
import pytest
from aiosmtpd.controller import Controller
from click.testing import CliRunner

from candor import mail_worker
from candor.app import create_app
from candor.commands.main import main
from candor.settings import BadSettings, from_environment
from mailers import Addressee, deliver_later
from mailers.catalogue import CATALOGUE
from mailers.letters import translations
from models import Audience, MailChannel, OutboxMail
from models.database import opened
from models.uuid7 import uuid7
from tests.waiting import never, until

SECRET = "a secret of the tests, long enough to sign with"
CANDOR = (sys.executable, "-c", "from candor.commands.main import main; main()")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Inbox:
    """A real SMTP server that keeps its messages."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802
        self.mails.append((envelope.rcpt_tos, envelope.content))
        return "250 ok"


@pytest.fixture
def relay():
    inbox = Inbox()
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    inbox.url = f"smtp://127.0.0.1:{controller.port}"
    yield inbox
    controller.stop()


@pytest.fixture
def environment(database, monkeypatch, tmp_path):
    """The environment of the commands, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))

    def set_variables(**variables):
        for name, value in {"DATABASE_URL": database, "SECRET": SECRET, **variables}.items():
            monkeypatch.setenv(f"CANDOR_{name}", value)

    set_variables()
    return set_variables


@pytest.fixture
async def start():
    processes = []

    async def run(*arguments):
        process = await asyncio.create_subprocess_exec(*CANDOR, *arguments)
        processes.append(process)
        return process

    yield run
    for process in processes:
        if process.returncode is None:
            process.kill()
            await process.wait()


class Thing:
    """A subject that no mailer knows: its mail is skipped with a reason."""

    def __init__(self):
        self.id: UUID = uuid7()


async def promise(due_at=None):
    to = Addressee(Audience.VENDOR, "NINA", "nina@example.com")
    await deliver_later("review.received", to=to, about=Thing(), due_at=due_at)


async def ended():
    return not await OutboxMail.exclude(status="CANCELLED").exists()


@pytest.mark.parametrize("wish", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_alone_works_until_it_is_told_to_stop(database, environment, start, wish):
    async with opened(database):
        await promise()
        process = await start("worker")
        await until(ended)

        process.send_signal(wish)

        assert await asyncio.wait_for(process.wait(), 20) == 0
        assert (await OutboxMail.get()).reason == "the review is gone"


async def is_ready(port):
    try:
        async with httpx.AsyncClient() as client:
            return (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)
@pytest.mark.parametrize("options", [(), ("--workers", "2")])
async def test_the_server_sends_mails_beside_answering(database, environment, start, options):
    port = free_port()
    process = await start("serve", "--port", str(port), *options)
    await until(lambda: is_ready(port))

    async with opened(database):
        await promise()
        await until(ended)

    process.terminate()
    await asyncio.wait_for(process.wait(), 20)


async def test_the_server_leaves_mails_alone_when_told_to(database, environment, start):
    port = free_port()
    process = await start("serve", "--port", str(port), "--no-mail-worker")
    await until(lambda: is_ready(port))

    async with opened(database):
        await promise()
        await never(ended, 1.5)
        assert (await OutboxMail.get()).status == "SCHEDULED"

    process.terminate()
    await asyncio.wait_for(process.wait(), 20)


async def test_the_application_wakes_its_own_worker(settings):
    application = create_app(replace(settings, mail_worker=True, smtp_url="console:"))

    async with application.router.lifespan_context(application):
        await promise()
        await until(ended)


def test_all_mails_are_rendered_into_a_folder(environment, tmp_path):
    for arguments in (["mails", "here"], ["mails", "render", "there"]):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.output
        folder = tmp_path / arguments[-1]
        assert {path.stem for path in folder.glob("*.html")} == {"index", *CATALOGUE}

    assert CliRunner().invoke(main, ["mails"]).exit_code == 2


def test_a_mail_is_sent_to_a_real_inbox(environment, relay):
    environment(SMTP_URL=relay.url, MAIL_FROM="Nordlicht <no-reply@nordlicht.example>")

    one = ["mails", "send", "--to", "ada@nordlicht.example", "--mail", "review.reminder"]
    result = CliRunner().invoke(main, [*one, "--language", "de"])

    assert result.exit_code == 0, result.output
    [(recipients, raw)] = relay.mails
    assert recipients == ["ada@nordlicht.example"]
    assert message_from_bytes(raw)["Content-Language"] == "de"
    assert (
        CliRunner().invoke(main, ["mails", "send", "--to", "ada@nordlicht.example"]).exit_code == 0
    )
    assert len(relay.mails) == 1 + len(CATALOGUE)
    assert "de" in translations.languages()


@pytest.mark.parametrize("to", ["nobody", "a@b.example\nBcc: c@d.example", "A <a@b.example>"])
def test_a_mail_goes_to_one_address_only(environment, relay, to):
    environment(SMTP_URL=relay.url)

    result = CliRunner().invoke(main, ["mails", "send", "--to", to])

    assert result.exit_code == 2
    assert relay.mails == []


def test_a_relay_that_is_away_is_told(environment):
    environment(SMTP_URL=f"smtp://127.0.0.1:{free_port()}")

    result = CliRunner().invoke(
        main, ["mails", "send", "--to", "a@b.example", "--mail", "rating.alert"]
    )

    assert result.exit_code == 1
    assert "rating.alert was not accepted" in result.output


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMTP_URL", "ftp://relay.example"),
        ("SMTP_URL", "smtp://user@relay.example"),
        ("SMTP_URL", "smtp://relay.example:port"),
        ("MAIL_FROM", "nobody"),
        ("MAIL_FROM", "A\r\nBcc: x <a@b.example>"),
        ("MAIL_WORKER", "perhaps"),
        ("MAIL_CONNECTIONS", "0"),
        ("MAIL_CONNECTIONS", "100"),
        ("MAIL_RATE", "0"),
        ("MAIL_RATE", "-1"),
        ("MAIL_RATE", "fast"),
        ("MAIL_RATE", "1e3"),
        ("MAIL_RATE", "nan"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_at_the_start_by_its_name(name, value):
    with pytest.raises(BadSettings, match=f"CANDOR_{name}"):
        from_environment({"CANDOR_SECRET": SECRET, f"CANDOR_{name}": value})


def test_the_worker_is_told_everything():
    settings = from_environment(
        {
            "CANDOR_SECRET": SECRET,
            "CANDOR_SMTP_URL": "smtps://u:p@relay.example",
            "CANDOR_MAIL_FROM": "Nordlicht <a@b.example>",
            "CANDOR_PUBLIC_URL": "https://reviews.example/",
            "CANDOR_MAIL_CONNECTIONS": "8",
            "CANDOR_MAIL_RATE": "0.5",
        }
    )

    config = mail_worker.configuration(settings)

    assert (config.secret, config.connections, config.rate) == (SECRET, 8, 0.5)
    assert (config.smtp_url, config.mail_from) == (
        "smtps://u:p@relay.example",
        "Nordlicht <a@b.example>",
    )
    assert config.public_url == "https://reviews.example"
    assert settings.mail_worker
    assert mail_worker.configuration(from_environment({"CANDOR_SECRET": SECRET})).rate is None
    assert "p@relay" not in repr(settings)


def check():
    result = CliRunner().invoke(main, ["check"])
    return result.exit_code, result.output


def test_the_doctor_sees_what_is_wrong_with_mail(environment, database):
    assert check() == (0, "Everything is in order.\n")

    async def break_things():
        async with opened(database):
            await promise(datetime.now(UTC) - timedelta(hours=1))
            await MailChannel.create(failures=3, last_error="535 5.7.8 wrong password")
            now = int(datetime.now(UTC).timestamp() * 1000)
            row = (await OutboxMail.all().values())[0] | {"id": uuid7(), "dedupe_key": "b"}
            await OutboxMail.create(**(row | {"status": "UNCERTAIN", "finished_at": now}))

    asyncio.run(break_things())
    environment(ENV="production", PUBLIC_URL="http://localhost:8000")

    code, output = check()

    assert code == 1
    for part in (
        "the oldest unsent mail was due at",
        "after 3 troubles in a row with the relay, the last: 535 5.7.8 wrong password",
        "may have been sent or not: 1",
        "set CANDOR_SMTP_URL",
        "set CANDOR_MAIL_FROM",
        "set CANDOR_PUBLIC_URL",
        "siteName=",
        "siteUrl=",
        "adminEmail=",
    ):
        assert part in output


def test_what_is_only_remarked_is_no_failure(environment, database):
    async def promise_one():
        async with opened(database):
            await promise(datetime.now(UTC) - timedelta(minutes=2))
            await MailChannel.create(failures=3, last_error="421 4.3.2 later")

    asyncio.run(promise_one())
    environment(ENV="production", SMTP_URL="smtps://relay.example", MAIL_FROM="a@b.example")

    code, output = check()

    assert code == 0
    assert output.splitlines()[-1] == "Nothing is wrong."
    for part in (
        "mails are late: the oldest was due 1",
        "421 4.3.2",
        "set CANDOR_PUBLIC_URL",
        "siteName=",
    ):
        assert part in output


def test_processes_share_the_connections_and_the_rate(monkeypatch):
    served = []

    async def prepared(*_arguments, **_options):
        """Replaces `prepare`: nothing is migrated."""

    monkeypatch.setattr("candor.commands.serve.prepare", prepared)
    monkeypatch.setattr("candor.server.serving.serve", lambda *_, workers: served.append(workers))
    for name, value in (("SECRET", SECRET), ("MAIL_CONNECTIONS", "9"), ("MAIL_RATE", "10")):
        monkeypatch.setenv(f"CANDOR_{name}", value)

    CliRunner().invoke(main, ["serve", "--port", "0", "--workers", "4"], catch_exceptions=False)

    settings = from_environment(os.environ)
    assert served == [4]
    assert (settings.mail_connections, settings.mail_rate) == (2, 2.5)

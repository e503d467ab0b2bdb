"""Fixtures: an opened database, promises, Maria and Nina, and a mail server that fails on demand."""

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from aiosmtpd.smtp import SMTP
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tortoise.connection import get_connection

from mailers import Addressee, deliver_later
from mailers.configuration import MailConfig, Pace
from mailers.letters.registry import MAILERS
from mailers.mail import Mail, Person, Skipped
from models import (
    Audience,
    Customer,
    Order,
    OrderStatus,
    OutboxMail,
    Review,
    ReviewStatus,
    Service,
    Vendor,
    clock,
)
from models.database import opened
from models.uuid7 import uuid7
from tests.mailers.certificates import certificate
from tests.mailers.inbox import Inbox

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECRET = "a secret of nobody's, long enough"
HASTE = Pace(
    poll=0.05,
    lease=1.5,
    connect=1.0,
    command=1.0,
    data=1.0,
    retries=(0.05, 0.1, 0.2),
    resend=0.1,
    pause=0.1,
    longest_pause=0.4,
    stop=5.0,
)


@pytest.fixture
async def store(database):
    """The open database."""
    async with opened(database):
        yield get_connection("default")


@pytest.fixture
def at(monkeypatch):
    """Set the clock: `at(NOON)`, or `at(NOON, hours=1)`."""

    def set_clock(moment, **later):
        monkeypatch.setattr(clock, "now", lambda: moment + timedelta(**later))

    return set_clock


@pytest.fixture
def config():
    return MailConfig(
        secret=SECRET,
        smtp_url="console:",
        mail_from="Nordlicht <no-reply@nordlicht.example>",
        public_url="https://reviews.nordlicht.example",
        pace=HASTE,
    )


@pytest.fixture
def config_for(config):
    """The configuration for a server on this port."""

    def make(port, **changes):
        return replace(config, smtp_url=f"smtp://127.0.0.1:{port}", **changes)

    return make


@dataclass
class Thing:
    """A subject of a mail."""

    id: UUID


@pytest.fixture
def promise(store):
    """Promise a mail to an address, about a new subject or `about`; returns its row."""

    async def make(kind="review.received", *, to="nina@example.com", about=None, **options):
        subject = Thing(about or uuid7())
        person = Addressee(Audience.VENDOR, to, to)
        await deliver_later(kind, to=person, about=subject, **options)
        rows = OutboxMail.filter(subject_id=subject.id, mail=kind, recipient=to)
        return await rows.order_by("-id").first()

    return make


@pytest.fixture
def one_line_mails(monkeypatch):
    """Every mail is one line, to the address in its params."""

    async def write(_site, _subject_id, *, address, skip=None, **_params):
        if skip == "bug":
            raise KeyError(skip)
        if skip:
            return Skipped(skip)
        return Mail(Person("", address), "en", "Hello", "Hello.\n", "<p>Hello.</p>")

    for kind in ("review.received", "review.reminder", "rating.promoter"):
        monkeypatch.setitem(MAILERS, kind, write)


@pytest.fixture
def send(promise, one_line_mails):
    """Promise a mail to an address; returns its row."""

    async def make(to, kind="review.received", **options):
        return await promise(kind, to=to, address=to, **options)

    return make


@dataclass
class Cast:
    maria: Customer
    nina: Vendor
    order: Order
    review: Review


@pytest.fixture
async def cast(store):
    """Maria bought a logo from Nina, the order is complete, and she gave four stars."""
    maria = await Customer.create(
        external_id="CUST-1",
        display_name="Maria Souza",
        email="maria@example.com",
        locale="en",
        created_at=NOON,
    )
    nina = await Vendor.create(
        external_id="VEND-1",
        display_name="Nina's studio",
        email="nina@example.com",
        locale="de-AT",
        created_at=NOON,
    )
    service = await Service.create(
        external_id="SERV-1",
        vendor=nina,
        title="Logo design",
        title_folded="logo design",
        url="https://nordlicht.example/logo",
        created_at=NOON,
    )
    order = await Order.create(
        external_id="NL-1",
        status=OrderStatus.COMPLETED,
        completed_at=NOON,
        customer=maria,
        vendor=nina,
        service=service,
        created_at=NOON,
    )
    review = await Review.create(
        order=order,
        service=service,
        vendor=nina,
        customer=maria,
        rating=4,
        body="Nina listened and delivered early.",
        body_folded="nina listened and delivered early.",
        verified=True,
        status=ReviewStatus.APPROVED,
        created_at=NOON,
    )
    return Cast(maria, nina, order, review)


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "mails"


@pytest.fixture
async def serve():
    """Start a real SMTP server for an inbox; returns its port."""
    servers, connections = [], []

    async def start(inbox, *, port=0, tls=None, **options):
        loop = asyncio.get_running_loop()

        def connection():
            connections.append(SMTP(inbox, hostname="relay.example", loop=loop, **options))
            return connections[-1]

        server = await loop.create_server(connection, "127.0.0.1", port, ssl=tls)
        servers.append(server)
        start.server = server
        return server.sockets[0].getsockname()[1]

    yield start
    for server in servers:
        server.close()
    for connection in connections:
        # Some Pythons cannot abort a closed TLS connection.
        if connection.transport is not None and not connection.transport.is_closing():
            connection.transport.abort()
    await asyncio.sleep(0.01)


@pytest.fixture
async def serve_script():
    """Start a server that runs `async def script(reader, writer)`; returns its port."""
    servers, tasks = [], []

    async def start(script):
        async def connection(reader, writer):
            tasks.append(asyncio.current_task())
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                try:
                    await script(reader, writer)
                finally:
                    writer.transport.abort()

        server = await asyncio.start_server(connection, "127.0.0.1", 0)
        servers.append(server)
        return server.sockets[0].getsockname()[1]

    yield start
    for server in servers:
        server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def inbox():
    return Inbox()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """An authority's file, and server contexts by name: good, expired, for another host."""
    folder = tmp_path_factory.mktemp("certificates")
    key, authority = certificate("Authority", None, None, days=30)
    path = folder / "authority.pem"
    path.write_bytes(authority.public_bytes(Encoding.PEM))
    contexts = {}
    for name, host, days in (
        ("good", "127.0.0.1", 30),
        ("expired", "127.0.0.1", -1),
        ("other", "127.0.0.9", 30),
    ):
        own_key, issued = certificate("relay.example", key, authority, host=host, days=days)
        pem = folder / f"{name}.pem"
        private = own_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        pem.write_bytes(private + issued.public_bytes(Encoding.PEM))
        contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        contexts[name].load_cert_chain(pem)
    return path, contexts

"""nginx and Caddy with the configuration of `deploy/`, each in front of a server."""

import asyncio
import ipaddress
import os
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.asyncio.client import ClientConnection, connect

from tests.candor.real_server import RealServer, free_port, start

DEPLOY = Path(__file__).parents[2] / "deploy"


@dataclass
class Front:
    """A proxy, the server behind it, and the folder of its logs."""

    port: int
    server: RealServer
    logs: Path
    trust: ssl.SSLContext
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    def of(self, source: str = "127.0.0.2") -> httpx.AsyncClient:
        """A client with this address."""
        transport = httpx.AsyncHTTPTransport(verify=self.trust, local_address=source)
        client = httpx.AsyncClient(transport=transport, base_url=self.url(""), timeout=20)
        self.clients.append(client)
        return client

    def url(self, path: str) -> str:
        """The URL of a path, which is sent unchanged."""
        return f"https://127.0.0.1:{self.port}{path}"

    async def websocket(self, source: str = "127.0.0.2", **headers: str) -> ClientConnection:
        return await connect(
            f"wss://127.0.0.1:{self.port}/graphql",
            ssl=self.trust,
            local_addr=(source, 0),
            subprotocols=["graphql-transport-ws"],
            additional_headers={name.replace("_", "-"): text for name, text in headers.items()},
        )

    def logged(self) -> str:
        return "".join(path.read_text() for path in self.logs.iterdir())

    async def ready(self, process: asyncio.subprocess.Process) -> None:
        async with asyncio.timeout(20):
            while True:
                assert process.returncode is None, self.logged()
                with suppress(httpx.TransportError):
                    if (await self.of().get("/healthz")).status_code == 200:
                        return
                await asyncio.sleep(0.05)


@pytest.fixture
def database(sqlite_database) -> str:
    """SQLite alone: these tests store nothing."""
    return sqlite_database


@pytest.fixture
def certificate(tmp_path) -> Path:
    """A self-signed certificate for 127.0.0.1; its key is beside it, as `.key`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now, address = datetime.now(UTC), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "own.pem"
    path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    path.with_suffix(".key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest.fixture(params=["nginx", "caddy"])
async def front(request, database, tmp_path, certificate) -> AsyncIterator[Front]:
    """A server with small budgets, behind nginx or Caddy."""
    program = shutil.which(request.param, path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip(f"{request.param} is not installed (Debian: nginx-light, caddy)")
    server = await start(
        database,
        folder=tmp_path,
        GRACE=1,
        MAIL_WORKER="off",
        RATE_LIMITS="on",
        BUDGET=400,
        changes={"candor.http.sse.QUIET_SECONDS": 0.3},
    )
    logs = tmp_path / "logs"
    logs.mkdir()
    trust = ssl.create_default_context(cafile=certificate)
    front = Front(free_port(), server, logs, trust)
    run = {"nginx": _nginx, "caddy": _caddy}[request.param]
    process = await run(program, front, certificate)
    try:
        await server.ready()
        await front.ready(process)
        yield front
    finally:
        for client in front.clients:
            await client.aclose()
        process.terminate()
        await process.wait()
        await server.kill()


async def _nginx(program: str, front: Front, certificate: Path) -> asyncio.subprocess.Process:
    folder = certificate.parent
    lines = (DEPLOY / "nginx.conf").read_text()
    site = _changed(
        lines,
        {
            "127.0.0.1:8000": f"127.0.0.1:{front.server.port}",
            "listen 80;": f"listen 127.0.0.1:{free_port()};",
            "listen 443": f"listen 127.0.0.1:{front.port}",
            "    listen [::]:80;\n": "",
            "    listen [::]:443 ssl http2;\n": "",
            "/etc/letsencrypt/live/reviews.example.com/fullchain.pem": str(certificate),
            "/etc/letsencrypt/live/reviews.example.com/privkey.pem": str(
                certificate.with_suffix(".key")
            ),
            "/var/log/nginx/": f"{front.logs}/",
            "reviews.example.com": "127.0.0.1",
        },
    )
    (folder / "candor.conf").write_text(site)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    (folder / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {folder}/nginx.pid;\n"
        f"{'user root;' if os.geteuid() == 0 else ''} events {{}}\n"
        f"http {{ {temporary} include {folder}/candor.conf; }}\n"
    )
    return await asyncio.create_subprocess_exec(
        *(program, "-e", front.logs / "nginx.log", "-c", folder / "nginx.conf")
    )


async def _caddy(program: str, front: Front, certificate: Path) -> asyncio.subprocess.Process:
    folder = certificate.parent
    lines = (DEPLOY / "Caddyfile").read_text()
    own = f"tls {certificate} {certificate.with_suffix('.key')}\n\tbind 127.0.0.1"
    site = _changed(
        lines,
        {
            "127.0.0.1:8000": f"127.0.0.1:{front.server.port}",
            "\n{\n": "\n{\n\tadmin off\n\tauto_https disable_redirects\n",
            "\nreviews.example.com {\n": f"\nhttps://127.0.0.1:{front.port} {{\n\t{own}\n",
        },
    )
    (folder / "Caddyfile").write_text(site)
    with (front.logs / "caddy.log").open("wb") as log:
        return await asyncio.create_subprocess_exec(
            *(program, "run", "--adapter", "caddyfile", "--config", folder / "Caddyfile"),
            env={"HOME": str(folder), "PATH": os.environ["PATH"]},
            stderr=log,
        )


def _changed(text: str, changes: dict[str, str]) -> str:
    """The text with these replacements, each of which must apply."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text

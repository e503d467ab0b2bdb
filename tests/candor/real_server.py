"""A server as an operator runs it, and raw sockets as its clients."""

import asyncio
import json
import os
import random
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.waiting import until

ROOT = Path(__file__).parents[2]
SECRET = "a secret of the tests, long enough to sign with"
SUBSCRIPTION = "subscription { reviewPublished { rating } }"
# Its response has more than 100 kB: some dozens of them overflow the kernel's buffers.
LARGE = (
    "{ __schema { types { name description fields { name description type { name kind }"
    " args { name description } } inputFields { name description }"
    " enumValues { name description } } } }"
)


@dataclass
class Client:
    """One socket, and the bytes read from it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    got: bytes = b""

    async def say(self, octets: bytes) -> None:
        self.writer.write(octets)
        await self.writer.drain()

    async def until(self, octets: bytes, seconds: float = 10) -> bytes:
        """Read until these bytes arrived."""
        async with asyncio.timeout(seconds):
            while octets not in self.got:
                more = await self.reader.read(65536)
                assert more, f"the connection ended after {self.got[-300:]!r}"
                self.got += more
        return self.got

    async def end(self, seconds: float = 10) -> bytes:
        """Read until the server closes the connection."""
        async with asyncio.timeout(seconds):
            try:
                while more := await self.reader.read(65536):
                    self.got += more
            except ConnectionError:
                pass
        return self.got

    def close(self) -> None:
        self.writer.transport.abort()


@dataclass
class RealServer:
    """A server process (and its workers) that listens on a port of its own."""

    port: int
    process: asyncio.subprocess.Process
    clients: list[Client] = field(default_factory=list)
    sockets: list[ClientConnection] = field(default_factory=list)

    async def connect(self, source: str = "127.0.0.1", receives: int = 0) -> Client:
        """A connection from this address, with a receive window of this many bytes if given."""
        raw = await self._connected(source, receives)
        client = Client(*await asyncio.open_connection(sock=raw, limit=2**16))
        self.clients.append(client)
        return client

    async def stalls(self, client: Client) -> None:
        """Wait until the kernel's buffers for a client that does not read are full."""
        port, waiting, since = client.writer.get_extra_info("sockname")[1], "", time.monotonic()
        async with asyncio.timeout(20):
            while not waiting or time.monotonic() - since < 0.7:
                now = _unsent(self.port, port)
                if now != waiting:
                    waiting, since = now, time.monotonic()
                await asyncio.sleep(0.05)

    async def has_read(self, *clients: Client) -> None:
        """Wait until it has accepted these connections and read what they sent."""
        ports = {client.writer.get_extra_info("sockname")[1] for client in clients}
        await until(lambda: not ports & _unread(self.port))

    async def refuses(self) -> None:
        """Wait until it accepts no connections: it has received its signal."""

        async def is_refused() -> bool:
            try:
                (await self._connected("127.0.0.1", 0)).close()
            except OSError:
                return True
            return False

        await until(is_refused)

    async def websocket(
        self, source: str = "127.0.0.1", receives: int = 0, **headers: str
    ) -> ClientConnection:
        """A WebSocket on which nothing was sent yet."""
        opened = await connect(
            f"ws://127.0.0.1:{self.port}/graphql",
            sock=await self._connected(source, receives),
            subprotocols=["graphql-transport-ws"],
            additional_headers={name.replace("_", "-"): text for name, text in headers.items()},
            ping_interval=None,
            compression=None,
            max_queue=1,
        )
        self.sockets.append(opened)
        return opened

    async def _connected(self, source: str, receives: int) -> socket.socket:
        raw = socket.socket()
        raw.setblocking(False)
        if receives:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
        raw.bind((source, 0))
        try:
            await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", self.port))
        except OSError:
            raw.close()
            raise
        return raw

    async def ask(self, query: str = "{ viewer { role } }", **how: Any) -> Client:
        """A connection on which this request was sent."""
        client = await self.connect(how.pop("source", "127.0.0.1"), how.pop("receives", 0))
        await client.say(request(query, **how))
        return client

    async def ready(self) -> "RealServer":
        """Wait until it answers requests."""
        question = b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        async with asyncio.timeout(60):
            while True:
                assert self.process.returncode is None, "the server ended while it started"
                with suppress(OSError):
                    client = await self.connect()
                    await client.say(question)
                    if b" 200 OK" in await client.end():
                        return self
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """Kill it and its workers."""
        for client in self.clients:
            client.close()
        for opened in self.sockets:
            opened.transport.abort()
        if self.process.returncode is None:
            for pid in self.workers():
                os.kill(pid, signal.SIGKILL)
            self.process.kill()
            await self.process.wait()
        await asyncio.sleep(0.01)  # the clients' sockets are closed by the event loop

    async def seconds_until_gone(self, most: float) -> float:
        began = time.monotonic()
        await asyncio.wait_for(self.process.wait(), most)
        return time.monotonic() - began

    def descriptors(self) -> int:
        """The number of open sockets of the process."""
        folder = Path(f"/proc/{self.process.pid}/fd")
        return sum(_is_socket(link) for link in folder.iterdir())

    def workers(self) -> list[int]:
        """The server processes that this one started and that still run."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        started = [int(pid) for pid in children.read_text().split()]
        return [
            pid for pid in started if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]


def _unsent(own: int, theirs: int) -> str:
    """The length of a send queue, in hexadecimal as the kernel reports it; empty for 0."""
    for line in Path("/proc/net/tcp").read_text().splitlines():
        _, local, remote, _, queues, *_ = line.split()
        if (local[-4:], remote[-4:]) == (f"{own:04X}", f"{theirs:04X}"):
            return queues.partition(":")[0].strip("0")
    return ""


def _unread(own: int) -> set[int]:
    """The ports of clients whose connections are not accepted yet, or have unread bytes."""
    ports = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state, queues, _, _, _, _, inode, *_ = line.split()
        is_open = local[-4:] == f"{own:04X}" and state == "01"
        if is_open and (inode == "0" or queues.partition(":")[2].strip("0")):
            ports.add(int(remote[-4:], 16))
    return ports


def _is_socket(link: Path) -> bool:
    try:
        return str(link.readlink()).startswith("socket:")
    except FileNotFoundError:
        return False


def request(query: str = "{ viewer { role } }", **headers: str) -> bytes:
    """The bytes of a POST to /graphql."""
    body = json.dumps({"query": query}).encode()
    named = {
        "Host": "candor.test",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"POST /graphql HTTP/1.1\r\n{head}\r\n".encode() + body


async def start(database: str, *options: str, folder: Path, **variables: Any) -> RealServer:
    """Start `candor serve`, or another `command`.

    `changes`: constants of Candor and their values. `slow`: the seconds, or the statement, that
    reading the settings takes. `environment`: variables that are not Candor's.
    """
    port = free_port()
    command = variables.pop("command", ["serve", "--port", str(port)])
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "CANDOR_DATABASE_URL": database,
        "CANDOR_SECRET": SECRET,
        "TEST_CHANGES": json.dumps(variables.pop("changes", {})),
        "TEST_SLOW": str(variables.pop("slow", 0)),
        **variables.pop("environment", {}),
        **{f"CANDOR_{name}": str(value) for name, value in variables.items()},
    }
    script = Path(__file__).with_name("server_process.py")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(script), *command, *options),
        cwd=folder,
        env=environment,
    )
    return RealServer(port, process)


def free_port() -> int:
    """A free port outside the range that the system gives to clients."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as found, suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port

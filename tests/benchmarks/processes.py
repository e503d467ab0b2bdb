"""The processes of a benchmark: their cores, their CPU time and memory, and their end."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_TICK = os.sysconf("SC_CLK_TCK")
_START_TIMEOUT = 60

CORES = frozenset(os.sched_getaffinity(0))
# The application has a core of its own; the database and the load share the others.
APPLICATION = frozenset({min(CORES)})
OTHERS = CORES - APPLICATION or CORES


@contextlib.contextmanager
def on_cores(cores: frozenset[int]) -> Iterator[None]:
    """Processes started inside run on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def python_environment() -> dict[str, str]:
    """The environment of a Python process that finds Candor from any folder."""
    paths = filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")])
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


@dataclass(frozen=True)
class Server:
    """A server process and its port."""

    name: str
    pid: int
    port: int

    def send(self, request: bytes) -> bytes:
        """The body of the response to a raw request. Raises SystemExit unless it is 200."""
        head, _, body = request.partition(b"\r\n\r\n")
        first, *headers = head.decode().split("\r\n")
        method, path, _ = first.split()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, body, dict(line.split(": ", 1) for line in headers))
        response = connection.getresponse()
        content = response.read()
        connection.close()
        if response.status != 200:
            raise SystemExit(f"{self.name} responds {response.status}: {content[:500]!r}")
        return content


@contextlib.contextmanager
def running(
    name: str, command: list[str], environment: dict[str, str], log: Path, cores: frozenset[int]
) -> Iterator[Server]:
    """A Python server on a free port of 127.0.0.1, for which `{port}` in the command stands."""
    port = _free_port()
    arguments = [part.format(port=port) for part in command]
    with log.open("ab") as output, on_cores(cores):
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env=python_environment() | environment,
            stdout=output,
            stderr=output,
            cwd=log.parent,
        )
    with ending(process):
        _wait(name, process, port, log)
        yield Server(name, process.pid, port)


@contextlib.contextmanager
def ending(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End the process with the block, also after an error."""
    try:
        yield
    finally:
        _end(process)


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and of its children, including those that have ended."""
    seconds = 0.0
    for each in tree(pid):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            # utime, stime, and the same of reaped children
            seconds += sum(map(int, fields[11:15])) / _TICK
    return seconds


def resident_megabytes(pid: int) -> float:
    """Memory of a process and of its children."""
    pages = 0
    for each in tree(pid):
        with contextlib.suppress(OSError):
            pages += int(Path(f"/proc/{each}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def tree(pid: int) -> list[int]:
    """The ids of a process and of all its descendants."""
    pids = [pid]
    for each in pids:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{each}/task").iterdir():
                pids += map(int, (task / "children").read_text().split())
    return pids


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait(name: str, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.05)
    raise SystemExit(f"{name} did not start:\n{log.read_text()[-3000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        for each in reversed(tree(process.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        process.wait(10)

"""The processes of a benchmark: where they run, what they cost, and that they end with it."""

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
_PATIENCE = 60

CORES = frozenset(os.sched_getaffinity(0))
# The application has one core for itself; the database and the load share the others.
APPLICATION = frozenset({min(CORES)})
OTHERS = CORES - APPLICATION or CORES


@contextlib.contextmanager
def on_cores(cores: frozenset[int]) -> Iterator[None]:
    """Whatever is started here runs on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def python_environment() -> dict[str, str]:
    """The environment of a Python process that finds Candor wherever it is started."""
    paths = filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")])
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


@dataclass(frozen=True)
class Server:
    """A server process and where it answers."""

    name: str
    pid: int
    port: int

    def ask(self, request: bytes) -> bytes:
        """The body of the answer to a raw request; SystemExit when it is not 200."""
        head, _, body = request.partition(b"\r\n\r\n")
        first, *headers = head.decode().split("\r\n")
        method, path, _ = first.split()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, body, dict(line.split(": ", 1) for line in headers))
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if answer.status != 200:
            raise SystemExit(f"{self.name} answers {answer.status}: {content[:500]!r}")
        return content


@contextlib.contextmanager
def running(
    name: str, command: list[str], environment: dict[str, str], log: Path, cores: frozenset[int]
) -> Iterator[Server]:
    """A Python server on a free port of 127.0.0.1, once it answers. `{port}` is filled in."""
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
    """Whatever happens, the process ends with the block."""
    try:
        yield
    finally:
        _end(process)


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and of its children, those that ended included."""
    seconds = 0.0
    for each in tree(pid):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            # utime, stime, and the same of children that were waited for
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
    """A process, its children and theirs."""
    found = [pid]
    for each in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{each}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait(name: str, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
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

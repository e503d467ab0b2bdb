"""The server processes: one, or several that share a port. They end within their grace."""

import asyncio
import os
import signal
import sys
import time
from functools import partial
from multiprocessing import resource_tracker
from socket import socket
from types import FrameType

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.server import HANDLED_SIGNALS
from uvicorn.supervisors import multiprocess

from candor.callers.body_limits import MAX_TEXT
from candor.server.connections import Connections, within_descriptors
from candor.server.ending import CLOSING_SECONDS, GONE_SECONDS, gone_after
from candor.server.http_connection import HttpConnection
from candor.server.proxies import Proxies
from candor.settings import Settings


def serve(settings: Settings, listening: socket, *, workers: int) -> None:
    """Serve at this port until SIGTERM or SIGINT."""
    config = configuration(settings, workers=workers)
    if workers > 1:
        processes = Processes(config, [listening])
        processes.run()
        failed = processes.failed
    else:
        server = Server(config)
        server.run([listening])
        failed = not server.started
    if failed:
        sys.exit(STARTUP_FAILURE)


def configuration(settings: Settings, *, workers: int) -> uvicorn.Config:
    """How uvicorn serves the application; worker processes get it too."""
    most = within_descriptors(settings.max_connections)
    connections = Connections(most, settings.max_connections_per_address)
    return uvicorn.Config(
        "candor.app:application",
        factory=True,
        workers=workers,
        http=partial(HttpConnection, connections, Proxies(settings.trusted_proxies)),  # type: ignore[arg-type]
        proxy_headers=False,  # `Proxies` reads them; uvicorn would by a variable of its own
        timeout_graceful_shutdown=settings.grace,
        log_config=None,
        access_log=False,  # it would print the tokens of links
        log_level="warning",
        server_header=False,
        ws_max_size=MAX_TEXT,
    )


# Supervisors and terminals tell every process of a group, and its parent passes it on: signals that
# come so soon after the first one are the same.
SAME_SECONDS = 1.0


class Server(uvicorn.Server):
    """One process. A signal ends its streams at once, and its requests with the grace."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._told_at = 0.0
        self._grace = config.timeout_graceful_shutdown or 0
        # What uvicorn cancels then has not heeded that its connection was cut.
        config.timeout_graceful_shutdown = self._grace + CLOSING_SECONDS  # type: ignore[assignment]

    async def startup(self, sockets: list[socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        self.lifespan.state["ending"].set()
        self._loop.call_later(self._grace, self._cut)
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """The first signal begins the end, the second one waits for no request."""
        now = time.monotonic()
        if not self.should_exit:
            self.should_exit, self._told_at = True, now
            gone_after(self._grace)
        elif now - self._told_at > SAME_SECONDS:
            gone_after(0)
            if self.started:
                self._loop.call_soon_threadsafe(self._cut)

    def _cut(self) -> None:
        for connection in tuple(self.server_state.connections):
            connection.cut()  # type: ignore[union-attr]


class Process(multiprocess.Process):
    """A server process beside others."""

    _begun = _told = False

    @property
    def server(self) -> uvicorn.Server:
        if self._server is None:
            self._server = Server(self.config)
        return self._server

    def start(self) -> None:
        # Ctrl-C goes to every process of the terminal. This one is told by its parent alone, so it
        # begins with the signal blocked, which the start of multiprocessing's tracker would undo.
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            super().start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def is_alive(self, timeout: float = 5) -> bool:
        """Whether it lives and answers; until it has begun to, its parent must not wait for it."""
        self._begun = self._begun or self.is_ready(0)
        return self.process.is_alive() and (not self._begun or self.ping(timeout))

    def tell(self) -> None:
        """Pass a signal on."""
        self._told = True
        if self.pid is not None and self.exitcode is None:
            os.kill(self.pid, signal.SIGTERM)

    def terminate(self) -> None:
        """Have it end. Told twice it would wait for no request."""
        if not self._told:
            self.tell()


class Processes(multiprocess.Multiprocess):
    """The parent of server processes, which is gone when they are, and they with it."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket]) -> None:
        super().__init__(config, sockets)
        self.failed = False
        # The name by which it starts processes, those that replace others too.
        multiprocess.Process = Process  # type: ignore[misc]
        for wish in HANDLED_SIGNALS:
            signal.signal(wish, self._pass_on)

    def terminate_all(self) -> None:
        # Nobody shall wait in a queue that no process looks at any more.
        for listening in self.sockets:
            listening.close()
        self.failed = any(each.exitcode == STARTUP_FAILURE for each in self.processes)
        super().terminate_all()

    def join_all(self) -> None:
        grace = self.config.timeout_graceful_shutdown or 0
        last = time.monotonic() + grace + GONE_SECONDS
        while running := [each for each in self.processes if each.process.is_alive()]:
            if time.monotonic() > last:
                for process in running:
                    process.kill()
            time.sleep(0.02)

    def _pass_on(self, sig: int, _frame: FrameType | None) -> None:
        """Tell the processes at once; this one heeds the signal when it looks around next."""
        self.signal_queue.append(sig)
        for process in self.processes:
            process.tell()  # type: ignore[attr-defined]

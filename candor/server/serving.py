"""The server processes: one, or several that share a port. They end within a grace period."""

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
from candor.server.ending import CLOSING_SECONDS, EXIT_SECONDS, exit_after
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
    """The configuration of uvicorn, also for its worker processes."""
    most = within_descriptors(settings.max_connections)
    connections = Connections(most, settings.max_connections_per_address)
    return uvicorn.Config(
        "candor.app:application",
        factory=True,
        workers=workers,
        http=partial(HttpConnection, connections, Proxies(settings.trusted_proxies)),  # type: ignore[arg-type]
        proxy_headers=False,  # `Proxies` reads them; uvicorn has a setting of its own
        timeout_graceful_shutdown=settings.grace,
        log_config=None,
        access_log=False,  # it would print the tokens of links
        log_level="warning",
        server_header=False,
        ws_max_size=MAX_TEXT,
        # One text is framed once for all who subscribe; compression keeps a state for each of them.
        ws_per_message_deflate=False,
    )


# Supervisors and terminals signal every process of a group, and the parent forwards the signal. So
# signals within this many seconds of the first one are the same.
SAME_SECONDS = 1.0


class Server(uvicorn.Server):
    """One process. A signal ends its streams at once, and its requests after the grace period."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._signalled_at = 0.0
        self._grace = config.timeout_graceful_shutdown or 0
        # uvicorn cancels only requests that did not end when their connection was cut.
        config.timeout_graceful_shutdown = self._grace + CLOSING_SECONDS  # type: ignore[assignment]

    async def startup(self, sockets: list[socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        self.lifespan.state["ending"].set()
        self._loop.call_later(self._grace, self._cut)
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """The first signal starts the shutdown; a second one cuts running requests."""
        now = time.monotonic()
        if not self.should_exit:
            self.should_exit, self._signalled_at = True, now
            exit_after(self._grace)
        elif now - self._signalled_at > SAME_SECONDS:
            exit_after(0)
            if self.started:
                self._loop.call_soon_threadsafe(self._cut)

    def _cut(self) -> None:
        for connection in tuple(self.server_state.connections):
            connection.cut()  # type: ignore[union-attr]


class Process(multiprocess.Process):
    """One of several server processes."""

    _is_started = _signalled = False

    @property
    def server(self) -> uvicorn.Server:
        if self._server is None:
            self._server = Server(self.config)
        return self._server

    def start(self) -> None:
        # Ctrl-C goes to every process of the terminal, but only the parent may signal this one. So
        # it starts with SIGINT blocked; starting multiprocessing's tracker would unblock it.
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            super().start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def is_alive(self, timeout: float = 5) -> bool:
        """Whether it lives and answers pings. While it starts, it cannot answer them."""
        self._is_started = self._is_started or self.is_ready(0)
        return self.process.is_alive() and (not self._is_started or self.ping(timeout))

    def forward_signal(self) -> None:
        """Send it SIGTERM."""
        self._signalled = True
        if self.pid is not None and self.exitcode is None:
            os.kill(self.pid, signal.SIGTERM)

    def terminate(self) -> None:
        """Have it end. Not signalled twice: a second signal would cut its requests."""
        if not self._signalled:
            self.forward_signal()


class Processes(multiprocess.Multiprocess):
    """The parent of the server processes. It ends when they have ended."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket]) -> None:
        super().__init__(config, sockets)
        self.failed = False
        # uvicorn starts processes by this name, also those that replace others.
        multiprocess.Process = Process  # type: ignore[misc]
        for number in HANDLED_SIGNALS:
            signal.signal(number, self._forward)

    def terminate_all(self) -> None:
        # So that no client waits in a backlog that no process accepts from.
        for listening in self.sockets:
            listening.close()
        self.failed = any(each.exitcode == STARTUP_FAILURE for each in self.processes)
        super().terminate_all()

    def join_all(self) -> None:
        grace = self.config.timeout_graceful_shutdown or 0
        deadline = time.monotonic() + grace + EXIT_SECONDS
        while running := [each for each in self.processes if each.process.is_alive()]:
            if time.monotonic() > deadline:
                for process in running:
                    process.kill()
            time.sleep(0.02)

    def _forward(self, sig: int, _frame: FrameType | None) -> None:
        """Signal the processes at once; uvicorn's loop handles the signal in the parent."""
        self.signal_queue.append(sig)
        for process in self.processes:
            process.forward_signal()  # type: ignore[attr-defined]

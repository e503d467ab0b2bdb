"""Prometheus metrics: operations by name and outcome, durations, cost, refusals, streams."""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

# Clients choose the names of operations; further names are counted together to bound memory.
MAX_NAMES = 200
# Seconds after which finished operations are counted: ten at once cost little more than one.
COUNT_DELAY = 0.5
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_POINTS = (1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000)


class Observation:
    """Facts about a running or finished operation."""

    __slots__ = ("answered_by", "began", "cost", "kind", "name", "outcome", "seconds")

    def __init__(self, name: str = "-", kind: str = "-") -> None:
        self.name = name
        self.kind = kind
        self.cost = 0
        self.outcome = "ok"
        # None for subscriptions, and for operations that were not executed.
        self.answered_by: str | None = None
        self.began = time.perf_counter()
        self.seconds = 0.0


class Metrics:
    """The metrics of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._operations = Counter(
            "candor_operations",
            "Operations by name, kind and outcome.",
            ["operation", "kind", "outcome"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "candor_operation_seconds",
            "How long operations took.",
            ["kind"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._cost = Histogram(
            "candor_operation_cost_points",
            "What operations cost.",
            ["kind"],
            buckets=_POINTS,
            registry=self.registry,
        )
        answers = Counter(
            "candor_answers",
            "Executed queries and mutations by who made the answer: straight from rows, compiled"
            " plans, or stock graphql-core. More by the slower ones: look for an ERROR in the log.",
            ["by"],
            registry=self.registry,
        )
        self._answers = {by: answers.labels(by) for by in ("straight", "compiled", "stock")}
        self._refusals = Counter(
            "candor_refusals", "Requests refused, by code.", ["code"], registry=self.registry
        )
        self._streams = Gauge(
            "candor_streams",
            "Live connections that are open.",
            ["transport"],
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self._ended: list[Observation] = []
        # The event loop whose timer will count them.
        self._counting: asyncio.AbstractEventLoop | None = None
        self._names: set[str] = set()
        # Looking children up by their labels costs more than counting.
        self._children: dict[tuple[str, str, str], tuple[Counter, Histogram, Histogram]] = {}

    def finished(self, observation: Observation) -> None:
        """Queue a finished operation; it is counted soon, together with others."""
        loop = asyncio.get_running_loop()
        if loop is not self._counting:
            self._counting = loop
            loop.call_later(COUNT_DELAY, self.count)
        self._ended.append(observation)

    def count(self) -> None:
        """Count the finished operations."""
        ended, self._ended, self._counting = self._ended, [], None
        for observation in ended:
            count, seconds, points = self._of(
                self._bounded(observation.name), observation.kind, observation.outcome
            )
            count.inc()
            seconds.observe(observation.seconds)
            points.observe(observation.cost)
            if observation.answered_by is not None:
                self._answers[observation.answered_by].inc()

    def refused(self, code: str) -> None:
        self._refusals.labels(code).inc()

    @contextmanager
    def stream(self, transport: str) -> Iterator[None]:
        self._streams.labels(transport).inc()
        try:
            yield
        finally:
            self._streams.labels(transport).dec()

    def text(self) -> bytes:
        """The metrics of this process, or of all processes if PROMETHEUS_MULTIPROC_DIR is set."""
        self.count()
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self.registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)

    def _of(self, name: str, kind: str, outcome: str) -> tuple[Counter, Histogram, Histogram]:
        """The children of the metrics that an operation is counted in."""
        key = name, kind, outcome
        if key not in self._children:
            count = self._operations.labels(name, kind, outcome)
            self._children[key] = count, self._seconds.labels(kind), self._cost.labels(kind)
        return self._children[key]

    def _bounded(self, name: str) -> str:
        if name not in self._names:
            if len(self._names) >= MAX_NAMES:
                return "other"
            self._names.add(name)
        return name

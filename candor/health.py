"""Whether this installation is alive, ready, and how it does."""

import asyncio

from prometheus_client import CONTENT_TYPE_LATEST, Gauge
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from candor.metrics import Metrics
from candor.metrics_door import MetricsDoor
from models import clock, sql
from models.migrating import pending

_SECONDS = 5

_OUTBOX = """
SELECT status, COUNT(*) AS mails, MIN(due_at) AS oldest FROM outbox_mail
WHERE status IN ('SCHEDULED', 'SENDING', 'DEAD', 'UNCERTAIN') GROUP BY status"""

_HELD = """
SELECT MIN(created_at) AS created_at FROM review WHERE status = 'PENDING' AND deleted_at IS NULL"""


class Health:
    """The addresses that operators and their machines look at."""

    def __init__(self, database_url: str, metrics: Metrics, door: MetricsDoor) -> None:
        self._database_url = database_url
        self._metrics = metrics
        self._door = door
        self._is_migrated = False
        self._mails = _gauge(metrics, "candor_outbox_mails", "Mails in the outbox.", "status")
        self._age = _gauge(
            metrics, "candor_outbox_oldest_seconds", "How long the oldest mail has been due."
        )
        self._held = _gauge(
            metrics, "candor_reviews_pending_oldest_seconds", "Age of the oldest held review."
        )

    async def alive(self, _request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def ready(self, _request: Request) -> Response:
        """200 when the database answers and has seen every migration, else 503 with the reason."""
        try:
            async with asyncio.timeout(_SECONDS):
                await sql.fetch("SELECT 1 AS one")
                missing = [] if self._is_migrated else await pending(self._database_url)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not ready
            return _unready("DATABASE_UNREACHABLE", type(error).__name__)
        if missing:
            return _unready("NOT_MIGRATED", ", ".join(missing))
        # Migrations are never undone under a running server.
        self._is_migrated = True
        return JSONResponse({"status": "ready"})

    async def figures(self, request: Request) -> Response:
        """The metrics in Prometheus' text format, for those who may read them."""
        self._door.must_be_open(request)
        try:
            async with asyncio.timeout(_SECONDS):
                await self._look()
        except Exception:  # noqa: BLE001 - the other figures are worth having all the same
            self._age.set(float("nan"))
        return Response(self._metrics.text(), media_type=CONTENT_TYPE_LATEST)

    async def _look(self) -> None:
        now = clock.now()
        rows = {row["status"]: row for row in await sql.fetch(_OUTBOX)}
        for status in ("SCHEDULED", "SENDING", "DEAD", "UNCERTAIN"):
            self._mails.labels(status).set(rows[status]["mails"] if status in rows else 0)
        due = rows["SCHEDULED"]["oldest"] if "SCHEDULED" in rows else None
        self._age.set(0 if due is None else max(now.timestamp() - due / 1000, 0))
        held = (await sql.fetch(_HELD))[0]["created_at"]
        self._held.set(0 if held is None else max((now - held).total_seconds(), 0))


def _gauge(metrics: Metrics, name: str, text: str, *labels: str) -> Gauge:
    return Gauge(name, text, labels, registry=metrics.registry, multiprocess_mode="mostrecent")


def _unready(code: str, detail: str) -> Response:
    return JSONResponse({"status": "unready", "code": code, "detail": detail}, 503)

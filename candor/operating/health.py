"""Liveness, readiness and metrics of this installation."""

import asyncio
import time

from prometheus_client import CONTENT_TYPE_LATEST, Gauge
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from candor.operating.metrics import Metrics
from candor.operating.metrics_guard import require_access
from candor.settings.metrics_access import MetricsAccess
from models import Review, clock, sql, writability
from models.migrating import pending
from models.own_connections import OwnConnections
from models.unavailable import Unavailable

_SECONDS = 5
# Seconds for which a successful trial write counts.
_PROOF_LASTS = 5.0

_OUTBOX = """
SELECT status, COUNT(*) AS mails, MIN(due_at) AS oldest FROM outbox_mail
WHERE status IN ('SCHEDULED', 'SENDING', 'DEAD', 'UNCERTAIN') GROUP BY status"""

_HELD = """
SELECT MIN(created_at) AS created_at FROM review WHERE status = 'PENDING' AND deleted_at IS NULL"""

_HELD_TYPES = sql.types_of(Review)


class Health:
    """The routes for operators: /healthz, /readyz and /metrics."""

    def __init__(
        self, database_url: str, metrics: Metrics, access: MetricsAccess, own: OwnConnections
    ) -> None:
        self._database_url = database_url
        self._metrics = metrics
        self._access = access
        self._own = own
        self._is_migrated = False
        self._proven_until = 0.0
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
        """200 when the database answers, is migrated and can be written; else 503 with the reason.

        Uses connections of its own: a server with many waiting requests is still ready.
        """
        with self._own.in_use():
            return await self._readiness()

    async def _readiness(self) -> Response:
        try:
            async with asyncio.timeout(_SECONDS):
                await sql.fetch("SELECT 1 AS one")
                missing = [] if self._is_migrated else await pending(self._database_url)
        except Exception as error:  # noqa: BLE001 - whatever failed, it is not ready
            return _unready("DATABASE_UNREACHABLE", _reason(error))
        if missing:
            return _unready("NOT_MIGRATED", ", ".join(missing))
        # Migrations are never reverted under a running server.
        self._is_migrated = True
        try:
            async with asyncio.timeout(_SECONDS):
                await self._prove()
        except Exception as error:  # noqa: BLE001 - whatever failed, it is not ready
            return _unready("NOT_WRITABLE", _reason(error))
        return JSONResponse({"status": "ready"})

    async def _prove(self) -> None:
        """Try to write, unless that worked a moment ago. Raises the database's error."""
        if time.monotonic() >= self._proven_until:
            await writability.check()
            self._proven_until = time.monotonic() + _PROOF_LASTS

    async def figures(self, request: Request) -> Response:
        """The metrics in Prometheus' text format. Raises HTTPException for those without access."""
        require_access(self._access, request)
        try:
            with self._own.in_use():
                async with asyncio.timeout(_SECONDS):
                    await self._refresh()
        except Exception:  # noqa: BLE001 - the other metrics are still useful
            self._age.set(float("nan"))
        return Response(self._metrics.text(), media_type=CONTENT_TYPE_LATEST)

    async def _refresh(self) -> None:
        now = clock.now()
        rows = {row["status"]: row for row in await sql.fetch(_OUTBOX)}
        for status in ("SCHEDULED", "SENDING", "DEAD", "UNCERTAIN"):
            self._mails.labels(status).set(rows[status]["mails"] if status in rows else 0)
        due = rows["SCHEDULED"]["oldest"] if "SCHEDULED" in rows else None
        self._age.set(0 if due is None else max(now.timestamp() - due / 1000, 0))
        held = (await sql.fetch(_HELD, types=_HELD_TYPES))[0]["created_at"]
        self._held.set(0 if held is None else max((now - held).total_seconds(), 0))


def _gauge(metrics: Metrics, name: str, text: str, *labels: str) -> Gauge:
    return Gauge(name, text, labels, registry=metrics.registry, multiprocess_mode="mostrecent")


def _reason(error: Exception) -> str:
    return error.reason if isinstance(error, Unavailable) else type(error).__name__


def _unready(code: str, detail: str) -> Response:
    return JSONResponse({"status": "unready", "code": code, "detail": detail}, 503)

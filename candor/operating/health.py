"""Whether this installation is alive, ready, and how it does."""

import asyncio
import time

from prometheus_client import CONTENT_TYPE_LATEST, Gauge
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from candor.operating.metrics import Metrics
from candor.operating.metrics_door import must_be_open
from candor.settings.metrics_access import MetricsAccess
from models import Review, clock, sql, writability
from models.migrating import pending
from models.own_connections import OwnConnections
from models.unavailable import Unavailable

_SECONDS = 5
# For so long it is believed that writes can be done.
_PROOF_LASTS = 5.0

_OUTBOX = """
SELECT status, COUNT(*) AS mails, MIN(due_at) AS oldest FROM outbox_mail
WHERE status IN ('SCHEDULED', 'SENDING', 'DEAD', 'UNCERTAIN') GROUP BY status"""

_HELD = """
SELECT MIN(created_at) AS created_at FROM review WHERE status = 'PENDING' AND deleted_at IS NULL"""

_HELD_TYPES = sql.types_of(Review)


class Health:
    """The addresses that operators and their machines look at."""

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
        """200 when the database answers, is migrated and stores; else 503 with the reason.

        However many requests wait for their turn: a server that is busy is ready.
        """
        with self._own.in_use():
            return await self._readiness()

    async def _readiness(self) -> Response:
        try:
            async with asyncio.timeout(_SECONDS):
                await sql.fetch("SELECT 1 AS one")
                missing = [] if self._is_migrated else await pending(self._database_url)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not ready
            return _unready("DATABASE_UNREACHABLE", _reason(error))
        if missing:
            return _unready("NOT_MIGRATED", ", ".join(missing))
        # Migrations are never undone under a running server.
        self._is_migrated = True
        try:
            async with asyncio.timeout(_SECONDS):
                await self._prove()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not ready
            return _unready("NOT_WRITABLE", _reason(error))
        return JSONResponse({"status": "ready"})

    async def _prove(self) -> None:
        """See whether writes can be done, unless that was seen just now."""
        if time.monotonic() >= self._proven_until:
            await writability.check()
            self._proven_until = time.monotonic() + _PROOF_LASTS

    async def figures(self, request: Request) -> Response:
        """The metrics in Prometheus' text format, for those who may read them."""
        must_be_open(self._access, request)
        try:
            with self._own.in_use():
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
        held = (await sql.fetch(_HELD, types=_HELD_TYPES))[0]["created_at"]
        self._held.set(0 if held is None else max((now - held).total_seconds(), 0))


def _gauge(metrics: Metrics, name: str, text: str, *labels: str) -> Gauge:
    return Gauge(name, text, labels, registry=metrics.registry, multiprocess_mode="mostrecent")


def _reason(error: Exception) -> str:
    return error.reason if isinstance(error, Unavailable) else type(error).__name__


def _unready(code: str, detail: str) -> Response:
    return JSONResponse({"status": "unready", "code": code, "detail": detail}, 503)

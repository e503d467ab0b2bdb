"""The baseline: an endpoint written by hand that returns the same bytes as Candor.

Starlette, asyncpg and orjson, one statement for each operation, no pool reset, generic plans, as
many connections as Candor has, and no check that the response does not need.
"""

import argparse
import base64
import os
import time
import unicodedata
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import jwt
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

CONNECTIONS = 8
PAGE = 10

_RATING = "k.n1, k.n2, k.n3, k.n4, k.n5"
_FROM = "FROM service s LEFT JOIN rating_counter k ON k.subject_id = s.id"
_REVIEWS = """
  SELECT r.id, r.created_at, r.rating, r.body, c.display_name, r.communication, r.quality,
    r.value, r.verified, r.helpful_count, r.reply_body, r.replied_at
  FROM review r JOIN customer c ON c.id = r.customer_id
  WHERE r.service_id = s.id AND r.status = 'APPROVED' AND r.deleted_at IS NULL{after}
  ORDER BY r.created_at DESC, r.id DESC LIMIT 11"""
_PAGE = f"""
SELECT s.title, {_RATING}, r.* {_FROM} LEFT JOIN LATERAL ({_REVIEWS}) r ON true
WHERE s.external_id = $1"""
_FIRST_PAGE = _PAGE.format(after="")
_LATER_PAGE = _PAGE.format(after=" AND (r.created_at, r.id) < ($2, $3)")
_SUMMARY = f"SELECT s.title, {_RATING} {_FROM} WHERE s.external_id = $1"
_SUMMARIES = f"SELECT s.external_id, {_RATING} {_FROM} WHERE s.external_id = ANY($1)"

_COUNTS = (
    *("n1", "n2", "n3", "n4", "n5", "communication_sum", "communication_count"),
    *("quality_sum", "quality_count", "value_sum", "value_count"),
)
_WRITE = f"""
WITH site AS (
  SELECT COALESCE(MAX(review_window_days), 30) AS days, COALESCE(MAX(time_zone), 'UTC') AS zone,
    COALESCE(BOOL_OR(review_moderation), false) AS held
  FROM site_settings WHERE key = 'site'
), bought AS (
  SELECT o.id, o.service_id, o.vendor_id, o.customer_id, c.display_name, site.held,
    v.external_id AS vendor, v.email
  FROM orders o JOIN customer c ON c.id = o.customer_id JOIN vendor v ON v.id = o.vendor_id
    CROSS JOIN site
  WHERE o.external_id = $1 AND c.external_id = $2 AND v.external_id <> $2
    AND o.status = 'COMPLETED' AND (site.days = 0 OR $3 <
      ((o.completed_at AT TIME ZONE site.zone)::date + site.days + 1)::timestamp
        AT TIME ZONE site.zone)
  FOR UPDATE OF o
), written AS (
  INSERT INTO review (id, order_id, service_id, vendor_id, customer_id, rating, communication,
    quality, value, body, body_folded, verified, status, created_at, published_at, helpful_count)
  SELECT $4, b.id, b.service_id, b.vendor_id, b.customer_id, $5, $6, $7, $8, $9, $10, true,
    CASE WHEN b.held THEN 'PENDING' ELSE 'APPROVED' END, $3,
    CASE WHEN b.held THEN NULL ELSE $3::timestamptz END, 0
  FROM bought b ON CONFLICT DO NOTHING
  RETURNING id, order_id, service_id, vendor_id, status
), withdrawn AS (
  -- A scalar subquery, since PostgreSQL would plan a join as a scan of the whole index.
  UPDATE outbox_mail m SET status = 'CANCELLED', reason = 'withdrawn: the order was reviewed',
    finished_at = $11, lease_token = NULL, lease_until = NULL
  WHERE m.subject_id = (SELECT order_id FROM written) AND m.mail = 'review.reminder'
    AND m.status IN ('SCHEDULED', 'SENDING') AND NOT m.in_data
), silenced AS (
  DELETE FROM notification n WHERE n.subject_id = (SELECT order_id FROM written)
    AND n.kind = 'review.reminder' AND n.created_at > $3
), promise AS (
  SELECT w.id, b.vendor, b.email, 'review.received:' || replace(w.id::text, '-', '') || '::'
    || left(encode(sha256(convert_to('VENDOR:' || b.vendor, 'UTF8')), 'hex'), 32) AS key
  FROM written w, bought b WHERE w.status = 'APPROVED'
), mailed AS (
  INSERT INTO outbox_mail (id, mail, dedupe_key, audience, recipient, address, subject_type,
    subject_id, params, status, due_at, expires_at, attempts, ambiguous, in_data, created_at)
  SELECT $12, 'review.received', key, 'VENDOR', vendor, email, 'Review', id, '{{}}', 'SCHEDULED',
    $11, $11 + 259200000, 0, 0, false, $11
  FROM promise ON CONFLICT DO NOTHING
), notified AS (
  INSERT INTO notification (id, audience, recipient, kind, event_key, subject_type, subject_id,
    created_at)
  SELECT $13, 'VENDOR', vendor, 'review.received', key, 'Review', id, $3
  FROM promise ON CONFLICT DO NOTHING
), counted AS (
  INSERT INTO rating_counter (subject_id, kind, {", ".join(_COUNTS)})
  SELECT subject.id, subject.kind, {", ".join(f"($5 = {stars})::int" for stars in range(1, 6))},
    {", ".join(f"COALESCE({n}::int, 0), ({n} IS NOT NULL)::int" for n in ("$6", "$7", "$8"))}
  FROM written w
    CROSS JOIN LATERAL (VALUES (w.service_id, 'SERVICE'), (w.vendor_id, 'VENDOR'))
      subject(id, kind)
  WHERE w.status = 'APPROVED' ORDER BY subject.kind
  ON CONFLICT (subject_id) DO UPDATE SET
    {", ".join(f"{name} = rating_counter.{name} + excluded.{name}" for name in _COUNTS)}
)
SELECT b.display_name, w.status FROM written w, bought b"""


def create_app(dsn: str, secret: str) -> Starlette:
    endpoint = _Endpoint(dsn, secret)
    routes = [Route(f"/{name}", getattr(endpoint, name), methods=["POST"]) for name in _OPERATIONS]
    return Starlette(routes=[*routes, Route("/healthz", _alive)], lifespan=endpoint.lifespan)


_OPERATIONS = ("Q1", "Q2", "Q3", "M1")


class _Endpoint:
    def __init__(self, dsn: str, secret: str) -> None:
        self._dsn = dsn
        self._secret = secret
        self._pool: Any = None

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        self._pool = await asyncpg.create_pool(
            self._dsn,
            min_size=CONNECTIONS,
            max_size=CONNECTIONS,
            reset=_no_reset,
            server_settings={"plan_cache_mode": "force_generic_plan"},
        )
        async with self._pool:
            yield

    async def Q1(self, request: Request) -> Response:  # noqa: N802 - the name of the operation
        variables = orjson.loads(await request.body())
        external_id, after = variables["ref"]["externalId"], variables.get("after")
        if after:
            rows = await self._pool.fetch(_LATER_PAGE, external_id, *_position(after))
        else:
            rows = await self._pool.fetch(_FIRST_PAGE, external_id)
        return _response({"service": _page(rows, after) if rows else None})

    async def Q2(self, request: Request) -> Response:  # noqa: N802
        variables = orjson.loads(await request.body())
        row = await self._pool.fetchrow(_SUMMARY, variables["ref"]["externalId"])
        if row is None:
            return _response({"service": None})
        title, *counts = row
        return _response({"service": {"title": title, "ratingSummary": summary(counts)}})

    async def Q3(self, request: Request) -> Response:  # noqa: N802
        variables = orjson.loads(await request.body())
        names = [ref["externalId"] for ref in variables["services"]]
        rows = await self._pool.fetch(_SUMMARIES, names)
        by_service = {external_id: counts for external_id, *counts in rows}
        return _response({"ratingSummaries": [summary(by_service[name]) for name in names]})

    async def M1(self, request: Request) -> Response:  # noqa: N802
        customer = self._customer(request)
        review_input = orjson.loads(await request.body())["input"]
        stars = [review_input.get(name) for name in ("rating", "communication", "quality", "value")]
        body = review_input["body"].strip()
        if refusal := _refusal(stars, body):
            return _reviewed(None, [refusal])
        now = datetime.now(UTC)
        key, folded = uuid7(), unicodedata.normalize("NFKC", body).casefold()
        row = await self._pool.fetchrow(
            _WRITE,
            *(review_input["order"]["externalId"], customer, now, key, *stars, body, folded),
            *(int(now.timestamp() * 1000), uuid7(), uuid7()),
        )
        if row is None:
            return _reviewed(None, [{"code": "NOT_FOUND", "field": ["input", "order"]}])
        name, status = row
        rating, communication, quality, value = stars
        review = {
            "id": review_id(key),
            "rating": rating,
            "body": body,
            "status": status,
            "createdAt": now,
            "author": {"displayName": public_name(name)},
            "subRatings": {"communication": communication, "quality": quality, "value": value},
        }
        return _reviewed(review, [])

    def _customer(self, request: Request) -> str:
        token = request.headers["authorization"].removeprefix("Bearer ")
        claims = jwt.decode(
            token,
            self._secret,
            algorithms=["HS256"],
            leeway=timedelta(seconds=30),
            options={"require": ["exp", "sub"], "verify_aud": False},
        )
        if claims["role"] != "customer":
            raise jwt.InvalidTokenError
        return claims["sub"]


async def _alive(_request: Request) -> Response:
    return Response(b"ok\n")


async def _no_reset(_connection: Any) -> None:
    pass


def _response(data: dict[str, Any]) -> Response:
    return Response(orjson.dumps({"data": data}), media_type="application/json")


def _reviewed(review: dict[str, Any] | None, errors: list[dict[str, Any]]) -> Response:
    return _response({"createReview": {"review": review, "errors": errors}})


def _refusal(stars: list[int | None], body: str) -> dict[str, Any] | None:
    if not all(value is None or 1 <= value <= 5 for value in stars):
        return {"code": "RATING_OUT_OF_RANGE", "field": ["input", "rating"]}
    if not 10 <= len(body) <= 20_000:
        return {"code": "BODY_TOO_SHORT", "field": ["input", "body"]}
    return None


def _page(rows: Sequence[Any], after: str | None) -> dict[str, Any]:
    title, *counts = rows[0][:6]
    reviews = rows[:PAGE] if rows[0][6] is not None else ()
    edges = [_edge(*row[6:]) for row in reviews]
    return {
        "title": title,
        "ratingSummary": summary(counts),
        "reviews": connection(counts, edges, has_next=len(rows) > PAGE, has_previous=bool(after)),
    }


def connection(
    counts: Sequence[int | None],
    edges: list[dict[str, Any]],
    *,
    has_next: bool,
    has_previous: bool,
) -> dict[str, Any]:
    return {
        "totalCount": sum(count or 0 for count in counts),
        "pageInfo": {
            "hasNextPage": has_next,
            "hasPreviousPage": has_previous,
            "startCursor": edges[0]["cursor"] if edges else None,
            "endCursor": edges[-1]["cursor"] if edges else None,
        },
        "edges": edges,
    }


def _edge(
    key: UUID,
    created_at: datetime,
    rating: int,
    body: str,
    author: str,
    communication: int | None,
    quality: int | None,
    value: int | None,
    verified: bool,
    helpful_count: int,
    reply: str | None,
    replied_at: datetime | None,
) -> dict[str, Any]:
    return {
        "cursor": cursor(created_at, key.hex),
        "node": {
            "id": review_id(key),
            "rating": rating,
            "body": body,
            "createdAt": created_at,
            "author": {"displayName": public_name(author)},
            "subRatings": {"communication": communication, "quality": quality, "value": value},
            "verifiedPurchase": verified,
            "helpfulCount": helpful_count,
            "reply": None if reply is None else {"body": reply, "createdAt": replied_at},
        },
    }


def summary(counts: Sequence[int | None]) -> dict[str, Any]:
    """The average, rounded half up, and percentages by the largest remainder; from 1 star up."""
    n1, n2, n3, n4, n5 = counts
    if n1 is None:
        n1 = n2 = n3 = n4 = n5 = 0
    count = n1 + n2 + n3 + n4 + n5
    if not count:
        return _UNRATED
    total = n1 + 2 * n2 + 3 * n3 + 4 * n4 + 5 * n5
    shares = [divmod(100 * n, count) for n in (n5, n4, n3, n2, n1)]
    missing = 100 - sum([whole for whole, _ in shares])
    up = sorted(range(5), key=lambda i: -shares[i][1])[:missing] if missing else ()
    return {
        "count": count,
        "average": (200 * total + count) // (2 * count) / 100,
        "breakdown": [
            {"stars": 5 - i, "count": n, "percentage": shares[i][0] + (i in up)}
            for i, n in enumerate((n5, n4, n3, n2, n1))
        ],
    }


_UNRATED = {
    "count": 0,
    "average": None,
    "breakdown": [{"stars": stars, "count": 0, "percentage": 0} for stars in (5, 4, 3, 2, 1)],
}


def public_name(name: str) -> str:
    words = name.split()
    if not words or "@" in name:
        return "Customer"
    return words[0] if len(words) == 1 else f"{words[0]} {words[-1][0]}."


def review_id(key: UUID) -> str:
    return base64.urlsafe_b64encode(b"R" + key.bytes)[:23].decode()


def cursor(created_at: datetime | str, key: str) -> str:
    packed = orjson.dumps(["NEWEST", created_at, key])
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _position(after: str) -> tuple[datetime, UUID]:
    _, moment, key = orjson.loads(base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)))
    return datetime.fromisoformat(moment), UUID(key)


def uuid7() -> UUID:
    random = int.from_bytes(os.urandom(10), "big")
    low = random & ((1 << 76) - 1) & ~(3 << 62) | 2 << 62
    return UUID(int=time.time_ns() // 1_000_000 << 80 | 7 << 76 | low)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dsn", required=True)
    options = parser.parse_args()
    app = create_app(options.dsn, os.environ["CANDOR_SECRET"])
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=options.port,
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
        server_header=False,
    )


if __name__ == "__main__":
    main()

"""SQLite in process: Candor's application against sqlite3 that builds the same JSON.

Reads a specification as JSON from standard input, prints microseconds as JSON.
"""

import asyncio
import base64
import json
import os
import random
import sqlite3
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from agreement import COST
from baseline import PAGE, connection, cursor, public_name, summary

from candor.app import create_app

Query = Callable[[dict[str, Any]], Awaitable[bytes]]

_SERVICE = """
SELECT s.title, s.id, k.n1, k.n2, k.n3, k.n4, k.n5
FROM service s LEFT JOIN rating_counter k ON k.subject_id = s.id WHERE s.external_id = ?"""
_REVIEWS = """
SELECT r.id, r.created_at, r.rating, r.body, c.display_name, r.communication, r.quality, r.value,
  r.verified, r.helpful_count, r.reply_body, r.replied_at
FROM review r JOIN customer c ON c.id = r.customer_id
WHERE r.service_id = ? AND r.status = 'APPROVED' AND r.deleted_at IS NULL
ORDER BY r.created_at DESC, r.id DESC LIMIT 11"""


class ByHand:
    """The same without Candor: sqlite3 in the event loop, without a thread or objects."""

    def __init__(self, path: str) -> None:
        self._database = sqlite3.connect(path)

    async def q1(self, variables: dict[str, Any]) -> bytes:
        title, key, *counts = self._service(variables)
        rows = self._database.execute(_REVIEWS, (key,)).fetchall()
        edges = [_edge(*row) for row in rows[:PAGE]]
        page = connection(counts, edges, has_next=len(rows) > PAGE, has_previous=False)
        service = {"title": title, "ratingSummary": summary(counts), "reviews": page}
        return orjson.dumps({"data": {"service": service}})

    async def q2(self, variables: dict[str, Any]) -> bytes:
        title, _, *counts = self._service(variables)
        service = {"title": title, "ratingSummary": summary(counts)}
        return orjson.dumps({"data": {"service": service}})

    def _service(self, variables: dict[str, Any]) -> Any:
        return self._database.execute(_SERVICE, (variables["ref"]["externalId"],)).fetchone()


class ByCandor:
    """Candor's application, called as a server calls it."""

    def __init__(self, app: Any, document: str) -> None:
        self._app = app
        self._document = document

    async def query(self, variables: dict[str, Any]) -> bytes:
        body = orjson.dumps({"query": self._document, "variables": variables})
        return await post(self._app, body)


async def post(app: Any, body: bytes, token: str | None = None) -> bytes:
    """The response of an ASGI application to GraphQL over HTTP, without a server."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if token is not None:
        headers.append((b"authorization", f"Bearer {token}".encode()))
    parts: list[bytes] = []
    unread = [body]

    async def receive() -> dict[str, Any]:
        if not unread:
            await asyncio.Event().wait()  # the client stays connected
        return {"type": "http.request", "body": unread.pop(), "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        parts.append(message.get("body", b""))

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    await app(scope, receive, send)
    return b"".join(parts)


def _edge(
    key: str,
    created_at: str,
    rating: int,
    body: str,
    author: str,
    communication: int | None,
    quality: int | None,
    value: int | None,
    verified: int,
    helpful_count: int,
    reply: str | None,
    replied_at: str | None,
) -> dict[str, Any]:
    moment, digits = created_at.replace(" ", "T"), key.replace("-", "")
    return {
        "cursor": cursor(moment, digits),
        "node": {
            "id": base64.urlsafe_b64encode(b"R" + bytes.fromhex(digits))[:23].decode(),
            "rating": rating,
            "body": body,
            "createdAt": moment,
            "author": {"displayName": public_name(author)},
            "subRatings": {"communication": communication, "quality": quality, "value": value},
            "verifiedPurchase": bool(verified),
            "helpfulCount": helpful_count,
            "reply": reply and {"body": reply, "createdAt": replied_at.replace(" ", "T")},
        },
    }


async def measure(specification: dict[str, Any]) -> dict[str, Any]:
    app = create_app()
    by_hand = ByHand(specification["path"])
    times: dict[str, Any] = {}
    async with app.router.lifespan_context(app):
        for operation, query in (("Q1", by_hand.q1), ("Q2", by_hand.q2)):
            entrants = {
                "sqlite3": query,
                "Candor": ByCandor(app, specification["documents"][operation]).query,
            }
            for kind, services in specification["services"].items():
                await _check_agreement(entrants, services)
                times[f"{operation}{kind}"] = await _rounds(entrants, services, specification)
    return times


async def _check_agreement(entrants: dict[str, Query], services: list[str]) -> None:
    for service in [*dict.fromkeys(services)][:50]:
        variables = {"ref": {"externalId": service}}
        results = [COST.sub(b"", await query(variables)) for query in entrants.values()]
        if len(set(results)) > 1:
            raise SystemExit(f"The results for {service} differ:\n{results[0]!r}\n{results[1]!r}")


async def _rounds(
    entrants: dict[str, Query], services: list[str], specification: dict[str, Any]
) -> dict[str, list[float]]:
    """The median microseconds of a request in each round."""
    seconds = specification["seconds"]
    medians: dict[str, list[float]] = {name: [] for name in entrants}
    for _ in range(specification["rounds"]):
        for name in random.sample(list(entrants), len(entrants)):
            medians[name].append(await _median(entrants[name], services, seconds))
    return medians


async def _median(query: Query, services: list[str], seconds: float) -> float:
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for service in services[:50]:
            variables = {"ref": {"externalId": service}}
            start = time.perf_counter()
            await query(variables)
            times.append(time.perf_counter() - start)
        services = services[50:] + services[:50]
    return statistics.median(times) * 1e6


def main() -> None:
    specification = json.load(sys.stdin)
    os.environ["CANDOR_DATABASE_URL"] = f"sqlite://{specification['path']}"
    print(json.dumps(asyncio.run(measure(specification))))


if __name__ == "__main__":
    main()

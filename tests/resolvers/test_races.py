"""Many concurrent writers in two real server processes on one database."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from candor.callers.tokens import new_key, sign
from candor.settings import Settings
from models import ApiKey, OutboxMail, Review, sql
from models.database import opened
from resolvers import rating_counters

ROOT = Path(__file__).parents[2]
SECRET = "a secret of the tests, long enough to sign with"
ORDERS = 32
CREATE = "mutation($input: CreateReviewInput!) { createReview(input: $input) { review { id } errors { code } } }"  # fmt: skip
UPSERT = "mutation($input: UpsertOrdersInput!) { upsertOrders(input: $input) { results { outcome errors { code } } errors { code } } }"  # fmt: skip


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def servers(database):
    """The addresses of two processes that serve one database."""
    ports = [_free_port(), _free_port()]
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("CANDOR_")},
        "CANDOR_DATABASE_URL": database,
        "CANDOR_SECRET": SECRET,
    }
    command = [sys.executable, "-m", "uvicorn", "candor.app:create_app", "--factory", "--log-level", "warning"]  # fmt: skip
    processes = [
        subprocess.Popen([*command, "--port", str(port)], cwd=ROOT, env=environment)
        for port in ports
    ]
    try:
        addresses = [f"http://127.0.0.1:{port}" for port in ports]
        for address in addresses:
            _wait_for(f"{address}/healthz")
        yield addresses
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(20)


def _wait_for(address):
    deadline = time.monotonic() + 30
    while True:
        try:
            if httpx.get(address).status_code == 200:
                return
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def order(n):
    return {
        "externalId": f"ORDER-{n}",
        "status": "COMPLETED",
        "completedAt": (datetime.now(UTC) - timedelta(days=1)).isoformat(),
        "customer": {"externalId": f"CUSTOMER-{n}", "displayName": "Somebody"},
        "vendor": {"externalId": "NINA", "displayName": "Nina"},
        "service": {"externalId": "LOGO", "title": "A logo"},
    }


async def test_64_writers_in_two_processes_leave_right_counters(servers, database):
    key, digest = new_key()
    async with opened(database):
        await ApiKey.create(
            name="shop", digest=digest, scopes="ORDERS_WRITE", created_at=datetime.now(UTC)
        )
    settings = Settings(database_url=database, secret=SECRET)
    orders = [order(n) for n in range(ORDERS)]

    limits = httpx.Limits(max_connections=64)
    async with asyncio.timeout(60), httpx.AsyncClient(timeout=60, limits=limits) as client:

        async def send(place, token, query, given):
            answer = await client.post(
                f"{servers[place % 2]}/graphql",
                json={"query": query, "variables": {"input": given}},
                headers={"Authorization": f"Bearer {token}"},
            )
            assert answer.status_code == 200
            assert "errors" not in answer.json(), answer.json()
            return answer.json()["data"]

        # The same orders from four feeds at once, each starting at another row.
        fed = await asyncio.gather(
            *(send(n, key, UPSERT, {"orders": orders[8 * n :] + orders[: 8 * n]}) for n in range(4))
        )
        tokens = [
            sign(settings, {"sub": f"CUSTOMER-{n}", "role": "customer"}, timedelta(hours=1))
            for n in range(ORDERS)
        ]
        answers = await asyncio.gather(
            *(
                send(
                    n + turn,
                    tokens[n],
                    CREATE,
                    {
                        "order": {"externalId": f"ORDER-{n}"},
                        "rating": n % 5 + 1,
                        "value": n % 5 + 1,
                        "body": "Very good work.",
                    },
                )
                for turn in range(2)
                for n in range(ORDERS)
            )
        )

    results = [result for answer in fed for result in answer["upsertOrders"]["results"]]
    assert [result["errors"] for result in results] == [[]] * 4 * ORDERS
    assert sum(result["outcome"] == "CREATED" for result in results) == ORDERS
    codes = [[e["code"] for e in answer["createReview"]["errors"]] for answer in answers]
    assert sorted(codes) == [[]] * ORDERS + [["ALREADY_REVIEWED"]] * ORDERS
    async with opened(database):
        assert await Review.all().count() == ORDERS
        assert await rating_counters.drifts() == []
        rows = await sql.fetch("SELECT kind, n1, n2, n3, n4, n5, value_count FROM rating_counter ORDER BY kind")  # fmt: skip
        assert [tuple(row.values()) for row in rows] == [
            ("SERVICE", 7, 7, 6, 6, 6, 32),
            ("VENDOR", 7, 7, 6, 6, 6, 32),
        ]
        assert await OutboxMail.filter(mail="review.received").count() == ORDERS
        assert await OutboxMail.filter(mail="review.reminder", status="SCHEDULED").count() == 0

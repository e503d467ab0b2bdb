"""Liveness, readiness and metrics."""

import asyncio

from candor.operating.metrics import COUNT_DELAY, MAX_NAMES, Metrics, Observation
from models import clock


async def test_it_is_alive(client):
    assert (await client.get("/healthz")).text == "ok\n"


async def test_it_is_ready_when_the_database_is_there_and_migrated(client):
    answer = await client.get("/readyz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


async def test_it_is_not_ready_before_the_migrations_have_run(another, tmp_path):
    async with another(database_url=f"sqlite://{tmp_path}/empty.sqlite3") as client:
        answer = await client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["code"] == "NOT_MIGRATED"
    assert "0001_initial" in answer.json()["detail"]


async def test_it_is_not_ready_without_its_database(client, monkeypatch):
    async def fail(*_args, **_types):
        raise OSError("postgres://user:password@host")

    monkeypatch.setattr("models.sql.fetch", fail)
    answer = await client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json() == {
        "status": "unready",
        "code": "DATABASE_UNREACHABLE",
        "detail": "OSError",
    }


def figures(text: str) -> dict[str, float]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


async def test_operations_refusals_and_the_outbox_are_counted(client, post, review, ada, at):
    await post({"query": "query Front { viewer { role } }"})
    await post({"query": "{ nope }"})
    await post(b"not json")
    await review()
    await ada.do("updateSettings", reviewModeration=True)
    await review("ORDER-2")
    at(clock.now().replace(microsecond=0).isoformat())

    values = figures((await client.get("/metrics")).text)

    operation = 'candor_operations_total{kind="query",operation="Front",outcome="ok"}'
    assert values[operation] == 1
    assert values['candor_refusals_total{code="GRAPHQL_VALIDATION_FAILED"}'] == 1
    assert values['candor_refusals_total{code="BAD_REQUEST"}'] == 1
    assert values['candor_outbox_mails{status="SCHEDULED"}'] >= 1
    assert values["candor_outbox_oldest_seconds"] >= 0
    assert values["candor_reviews_pending_oldest_seconds"] >= 0
    assert values['candor_operation_seconds_count{kind="query"}'] == 1
    assert values['candor_operation_cost_points_sum{kind="query"}'] == 1


async def test_the_figures_are_there_even_without_the_database(client, monkeypatch):
    async def fail(*_args, **_types):
        raise OSError

    monkeypatch.setattr("models.sql.fetch", fail)

    assert (await client.get("/metrics")).status_code == 200


async def test_nobody_fills_the_memory_with_names_of_operations():
    metrics = Metrics()
    for number in range(MAX_NAMES + 50):
        metrics.finished(Observation(name=f"Q{number}", kind="query"))

    text = metrics.text().decode()
    assert 'operation="other",outcome="ok"} 50.0' in text
    assert f'operation="Q{MAX_NAMES}"' not in text


def test_what_ends_in_another_loop_is_counted_too():
    metrics = Metrics()

    async def ends(seconds: float) -> None:
        metrics.finished(Observation(name="Q", kind="query"))
        await asyncio.sleep(seconds)

    asyncio.run(ends(0))
    asyncio.run(ends(2 * COUNT_DELAY))

    assert metrics._ended == []
    assert 'operation="Q",outcome="ok"} 2.0' in metrics.text().decode()

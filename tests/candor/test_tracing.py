"""One span per operation, if tracing is on."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from candor.operating import tracing


@pytest.fixture
def database(sqlite_database) -> str:
    """One database is enough: what is tested here stores nothing."""
    return sqlite_database


async def test_an_operation_is_one_span(monkeypatch, another):
    spans = []

    @contextmanager
    def start(name, attributes):
        spans.append((name, attributes))
        yield

    tracer = SimpleNamespace(start_as_current_span=start)
    monkeypatch.setattr(
        tracing, "import_module", lambda _: SimpleNamespace(get_tracer=lambda _: tracer)
    )
    async with another(opentelemetry=True) as client:
        await client.post("/graphql", json={"query": "query Front { viewer { role } }"})
        await client.post("/graphql", json={"query": "{ nope }"})

    attributes = {
        "graphql.operation.type": "query",
        "graphql.operation.name": "Front",
        "candor.cost": 1,
    }
    assert spans == [("graphql query", attributes)]


async def test_answers_are_the_same_with_and_without_compiled_execution(another, review):
    await review()
    query = {"query": "{ reviews { totalCount nodes { id body author { displayName } } } }"}
    answers = []
    for compiled in (True, False):
        async with another(compiled=compiled) as client:
            answers.append((await client.post("/graphql", json=query)).content)

    assert answers[0] == answers[1]

"""A document that leaves the cache leaves the memory: nothing of it waits for the collector."""

import gc
import weakref

import pytest

from candor.engine.documents import Documents
from candor.engine.execution import Execution
from resolvers.viewer import ANONYMOUS
from schema.api import schema
from schema.context import Context

TEXTS = [
    '{ service(ref: { externalId: "LOGO" }) { title reviews { totalCount nodes { body } } } }',
    '{ ratingSummaries(services: [{ externalId: "LOGO" }]) { average } }',
    "query ($n: Int = 2) { reviews(first: $n) { nodes { viewerHasVoted vendor { level } } } }",
    "{ a: viewer { role } ...b } fragment b on Query { viewer { externalId } }",
    "{ __schema { queryType { name } } }",
    "{ viewer @skip(if: false) { role } }",
]


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("text", TEXTS)
async def test_an_executed_document_is_freed_with_its_last_reference(app, text, no_collector):
    documents, execution = Documents(schema, introspection=True), Execution(compiled=True)
    for number in range(2):
        operation = documents.get(f"{text} # {number}").operation(None)
        context = Context(ANONYMOUS, operation.selections)
        answer = await execution.execute(operation, {}, context)
        del context
        assert answer.result.errors is None
    del answer
    kept = weakref.ref(operation.tree.definitions[0])
    # Validation leaves rings that refer to the document, but is over.
    gc.collect()
    del operation
    assert kept() is not None

    documents._protected._entries.clear()
    documents._probation._entries.clear()

    assert kept() is None

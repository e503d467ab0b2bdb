"""Compiled execution equals the stock executor for any value that a field holds."""

import asyncio
import gc
import re
from collections.abc import AsyncIterator
from inspect import isasyncgen, isawaitable
from typing import Any

import pytest
from graphql import (
    FragmentDefinitionNode,
    OperationDefinitionNode,
    execute,
    parse,
    validate,
)
from graphql.pyutils import Path
from strawberry.execution import optimized_is_awaitable

from candor.engine.fast import arguments, completion_codegen, executor, field_plans
from candor.engine.fast.answer import PreparedOperation, answer
from candor.engine.fast.executor import CompiledExecutor
from tests.candor.odd_schema import (
    COROUTINES,
    FIELDS,
    ODD,
    document_of,
    holder,
    holders_of,
    schema,
    selection_of,
)

STOCK = schema.execution_context_class
# graphql-core itself leaves coroutines unawaited when completion of a list fails.
pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def _swept():
    """Collect them here: in other tests such a warning is an error."""
    yield
    gc.collect()


def prepared(document: str) -> PreparedOperation:
    """The prepared operation of a document with one operation."""
    tree = parse(document)
    operations = [d for d in tree.definitions if isinstance(d, OperationDefinitionNode)]
    (operation,) = operations
    fragments = {d.name.value: d for d in tree.definitions if isinstance(d, FragmentDefinitionNode)}
    return PreparedOperation(schema._schema, operation, fragments)


async def stock(document: str, make: Any, variables: Any = None) -> str:
    context: dict[str, Any] = {"holder": make, "calls": []}
    result: Any = execute(
        schema._schema,
        parse(document),
        context_value=context,
        variable_values=variables,
        executor_class=STOCK,
        is_awaitable=optimized_is_awaitable,
        hide_suggestions=True,
        operation_extensions=None,
    )
    return await _as_text(await result if isawaitable(result) else result, context)


async def ours(
    operation: PreparedOperation, make: Any, variables: Any = None, most: int = 1_000_000
) -> str | None:
    """None if the whole operation is handed on."""
    context: dict[str, Any] = {"holder": make, "calls": []}
    found = await answer(operation, variables, context, most)
    return None if found is None else await _as_text(found.result, context)


async def _as_text(result: Any, context: dict[str, Any]) -> str:
    """Data, errors and calls, as text: `1 == 1.0 == True` would hide a difference."""
    await asyncio.sleep(0)  # for tasks that graphql-core leaves in the background
    while COROUTINES:
        COROUTINES.pop().close()
    errors = sorted(repr((e.path, e.message, e.locations)) for e in result.errors or ())
    return re.sub("0x[0-9a-f]+", "0x", repr((result.data, errors, context["calls"])))


# Cases that a compiler easily gets wrong. Each runs with all of its variables in turn.
OPERATIONS: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "a field is left out by a variable": (
        "query($no: Boolean!) { box { here { number @skip(if: $no) text @include(if: $no) } } }",
        [{"no": True}, {"no": False}],
    ),
    "a spread is left out by a variable": (
        """query($no: Boolean!) { box { ...F @skip(if: $no) maybe { text } } }
        fragment F on Box { maybe { number } }""",
        [{"no": True}, {"no": False}],
    ),
    "an inline fragment is left out by a variable": (
        "query($no: Boolean!) { box { ... @include(if: $no) { fails } here { number } } }",
        [{"no": True}, {"no": False}],
    ),
    "a directive stands in a fragment of a fragment": (
        """query($no: Boolean!) { box { ...F } } fragment F on Box { here { ...G } }
        fragment G on Holder { number @skip(if: $no) text }""",
        [{"no": False}, {"no": True}],
    ),
    "the same key twice": (
        "{ box { here { number } here { text number } ... on Box { here { key } } } box { fails } }",
        [{}],
    ),
    "aliases of the same field": (
        "{ box { a: here { b: number a: number } b: here { a: text b: __typename } } }",
        [{}],
    ),
    "nothing but a type's name": ("{ __typename box { __typename here { __typename } } }", [{}]),
    "an argument is a variable": (
        'query($w: String! = "else", $l: [String!]) { echo(word: $w, words: $l) }',
        [{}, {"w": "a"}, {"w": "b", "l": "one"}, {"l": ["c", "d"]}, {"l": None}],
    ),
    "a variable stands inside a list": (
        'query($w: String!) { echo(words: ["a", $w]) }',
        [{"w": "a"}, {"w": "b"}],
    ),
    "an argument is null where it has a default": (
        'query($w: String = "a") { echo(word: $w) failing strict(word: $w) }',
        [{}, {"w": "b"}, {"w": None}],
    ),
    "a variable is missing": ("query($w: String!) { echo(word: $w) }", [{}, {"w": 7}, {"w": None}]),
    "a variable stands where a list is": (
        'query($l: [String!] = ["d"]) { echo(words: $l) }',
        [{}, {"l": ["a"]}, {"l": "one"}, {"l": []}, {"l": None}],
    ),
    "methods that take nothing": (
        "{ box { mirror { number } broken plain boxes { plain mirror { text } } } }",
        [{}],
    ),
    "one fragment stands for two types": (
        "{ cat { ...F } dog { ...F } } fragment F on Named { sized name }",
        [{}],
    ),
    "resolvers below lists": (
        "{ later { boxes { fails slow { number } boxes { quick { text } } } } }",
        [{}],
    ),
    "null travels from a resolver below a list": (
        "{ a: later { boxes { fails boxes { fatal } } } b: box { boxes { fatal fails } } }",
        [{}],
    ),
    "null travels to the root": ("{ failing must { fatal } later { fails } }", [{}]),
    "several errors": ("{ failing box { fails a: fails slow { number } } a: failing }", [{}]),
    "a page of resolvers": (
        "query($t: Boolean = false) { later { quick(twice: $t) { number } } }",
        [{"t": True}, {"t": False}, {}],
    ),
    "mutations one after the other": (
        "mutation { a: put { fails here { number } } must { fatal } b: put { fails } }",
        [{}],
    ),
    "mutations that go on": (
        "mutation { a: put { fails } b: must { boxes { fails } } c: put { slow { text } } }",
        [{}],
    ),
}


async def differences_by_hand() -> AsyncIterator[str]:
    for name, (document, asked) in OPERATIONS.items():
        operation = prepared(document)
        for variables in asked:
            found = await ours(operation, holder, variables)
            if found not in {None, await stock(document, holder, variables)}:
                yield name


async def differences_of(name: str) -> AsyncIterator[str]:
    """The odd values in a field whose answers differ."""
    document = document_of(name)
    operation = prepared(document)
    for odd in ODD:
        for make in holders_of(name, odd):
            if await ours(operation, make) != await stock(document, make):
                yield odd


# graphql-core executes directives.
HANDED_ON = {name for name, (document, _) in OPERATIONS.items() if "@" in document} | {
    "nothing but a type's name"
}


@pytest.mark.parametrize("name", OPERATIONS)
async def test_operations_that_a_compiler_gets_wrong(name):
    document, asked = OPERATIONS[name]
    operation = prepared(document)
    assert validate(schema._schema, parse(document)) == []

    for variables in asked:
        expected = await stock(document, holder, variables)
        found = await ours(operation, holder, variables)
        assert found == (None if name in HANDED_ON else expected), variables


@pytest.mark.parametrize("name", FIELDS)
async def test_an_odd_value_is_answered_alike_in_every_position(name, caplog):
    assert validate(schema._schema, parse(document_of(name))) == []

    assert [odd async for odd in differences_of(name)] == []
    assert caplog.messages == []  # reports about other values


@pytest.fixture
def handed_on(monkeypatch):
    """The paths of the values that were handed on to graphql-core."""
    paths: list[list[str | int]] = []
    complete_value = STOCK.complete_value

    def complete(self, type_, details, info, path, *rest):
        paths.append(path.as_list())
        return complete_value(self, type_, details, info, path, *rest)

    monkeypatch.setattr(CompiledExecutor, "complete_value", complete)
    return paths


PLAIN = [name for name, (kind, _) in FIELDS.items() if kind not in {"named", "pet", "cat"}]


async def test_expected_values_never_reach_graphql_core(handed_on):
    for name in PLAIN:
        document = (
            f"{{ box {{ here {{ {selection_of(name)} }} slow {{ {selection_of(name)} }} }} }}"
        )
        await ours(prepared(document), holder)

    assert handed_on == []


async def test_a_mutation_runs_once_even_if_its_payload_is_handed_on(handed_on):
    def odd():
        return holder(number="no number")

    document = "mutation { put { fails maybe { number } slow { number } } }"

    found = await ours(prepared(document), odd)

    assert ["put"] in handed_on
    assert found.endswith("['put'])")
    assert found == await stock(document, odd)


async def test_a_text_counts_once_even_if_the_operation_is_executed_again():
    """Of several errors at the root, graphql-core decides which are reported."""
    document = "{ box { here { text } } must { fatal } }"

    found = await ours(prepared(document), holder, most=len("text"))

    assert found == await stock(document, holder)


FALLBACKS = {
    "a directive": "{ box { here { number @include(if: true) } } }",
    "introspection": "{ __schema { queryType { name } } box { __typename } }",
    "the type's name at the root": "{ __typename box { here { number } } }",
    "a fragment to be deferred": "{ box { ... @defer { fails } } }",
    "a list to be streamed": "{ box { items @stream(initialCount: 0) { number } } }",
    "a subscription": "subscription { ticks }",
}


@pytest.mark.parametrize("name", FALLBACKS)
async def test_an_operation_without_a_plan_is_handed_on_before_anything_happens(name, caplog):
    context: dict[str, Any] = {"holder": holder, "calls": []}

    assert await answer(prepared(FALLBACKS[name]), {}, context, 1_000_000) is None
    assert context["calls"] == []
    assert caplog.messages == []


@pytest.mark.parametrize("name", ["named", "namedList", "pet", "petOpt"])
async def test_abstract_types_are_left_to_graphql_core(name, handed_on):
    await ours(prepared(f"{{ box {{ here {{ {selection_of(name)} }} }} }}"), holder)

    assert ["box", "here", name] in handed_on


def _misplaced(prev: Any, key: Any, _typename: Any) -> Path:
    return Path(prev, 0 if isinstance(key, int) else key, None)


def _nullable_always(self: Any, type_: Any, details: Any, value: str, path: str) -> str:
    inner = (
        getattr(type_, "of_type", type_) if completion_codegen.is_non_null_type(type_) else type_
    )
    return f"None if {value} is None else {self._non_null(inner, details, value, path)}"


def _by_name(_self: Any, _type: Any, value: str) -> str:
    return f"getattr({value}, 'name', {value})"


class _Everything:
    def __contains__(self, _: Any) -> bool:
        return True


# Planted bugs, each with the field whose odd values reveal it; None: an operation by hand does.
FAULTS: dict[str, tuple[Any, str, Any, str | None]] = {
    "numbers of any size": (completion_codegen._CHECKS, "int", "isinstance({0}, int)", "number"),
    "true is a number": (
        completion_codegen._CHECKS,
        "int",
        "type({0}) in (int, bool)",
        "numberOpt",
    ),
    "a number is taken for a float": (
        completion_codegen._CHECKS,
        "float",
        "isinstance({0}, (int, float))",
        "ratio",
    ),
    "infinity is a float": (completion_codegen._CHECKS, "float", "type({0}) is float", "ratioList"),
    "other kinds of texts": (
        completion_codegen._CHECKS,
        "str",
        "isinstance({0}, (str, list))",
        "textOpt",
    ),
    "tuples are lists": (
        completion_codegen._CHECKS,
        "list",
        "isinstance({0}, (tuple, list, str))",
        "textList",
    ),
    "null is fine everywhere": (completion_codegen._Generator, "value", _nullable_always, "text"),
    "any class of objects": (completion_codegen._Generator, "_guard", lambda *_: "", "leafOpt"),
    "members of any enumeration": (completion_codegen._Generator, "_enum", _by_name, "color"),
    "an awaitable is a value": (completion_codegen, "_PLAIN", _Everything(), "anything"),
    "conditions are forgotten": (field_plans, "_directives", lambda *_: iter(()), None),
    "wrong paths": (completion_codegen, "Path", _misplaced, None),
    "arguments are kept though they vary": (arguments, "names_variable", lambda _: False, None),
    "errors of a value that was handed on stay": (
        executor,
        "_forget_below",
        lambda *_: None,
        "number",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_bug_in_the_generator_is_found(fault, monkeypatch, caplog):
    place, name, wrong, field = FAULTS[fault]
    (monkeypatch.setitem if isinstance(place, dict) else monkeypatch.setattr)(place, name, wrong)

    differences = differences_by_hand() if field is None else differences_of(field)
    assert isasyncgen(differences)

    # Or it is logged: without variables, conditions cannot be planned.
    assert [each async for each in differences] + caplog.messages != []

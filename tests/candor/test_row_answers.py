"""Row answers equal the stock executor's to the last byte, or are handed on.

CANDOR_TEST_FUZZ=50000 compares this many answers to random operations.
"""

import gc
import re
from random import Random, SystemRandom
from types import FunctionType, ModuleType

import orjson
import pytest
from graphql import get_named_type, get_nullable_type, is_enum_type, is_leaf_type, parse, validate
from tortoise import fields

from candor.engine.fast.executor import CompiledExecutor
from candor.engine.fast.rows import queries
from candor.engine.fast.rows.field_expressions import FIELD_EXPRESSIONS, ROW, SameRow
from models import Customer, Review, Service, Vendor, sql
from resolvers import review_list
from resolvers.viewer import ANONYMOUS
from schema.api import schema
from schema.connection import page_request
from tests.candor.random_documents import reshaped
from tests.candor.sameness import (
    ANSWERS,
    COMPILED,
    FUZZ,
    GUESTS,
    VIEWERS,
    answer_of,
    compare,
    everybody,
    operation_of,
    viewer_of,
)

TYPES = schema._schema.type_map
NEWEST = review_list.SORTS[review_list.ReviewSort.NEWEST]


@pytest.fixture
def row_answers(monkeypatch):
    """Counts the row answers, and the operations that were handed on."""
    counted = {True: 0, False: 0}
    real = CompiledExecutor.run

    async def run(self, fields):
        if fields[0].nodes[0].name.value in queries.QUERIES and len(fields) == 1:
            counted[False] += 1
        return await real(self, fields)

    monkeypatch.setattr(CompiledExecutor, "run", run)
    for query in queries.QUERIES.values():
        _count(monkeypatch, query, counted)
    return counted


def _count(monkeypatch, query, counted):
    real = query.answer

    async def answer(self, *asked):
        data = await real(self, *asked)
        counted[True] += 1
        return data

    monkeypatch.setattr(query, "answer", answer)


def _selection(random: Random, name: str) -> str:
    """Some of a type's fields: mostly those with field expressions."""
    expressions = FIELD_EXPRESSIONS.get(name)
    fields_of = TYPES[name].fields
    usual = sorted(expressions.fields) if expressions else ["id"]
    picked = random.sample(usual, random.randint(1, len(usual)))
    plain = [n for n, f in fields_of.items() if not f.args and is_leaf_type(get_named_type(f.type))]
    if plain and random.random() < 0.05:
        picked.append(random.choice(plain))
    if name == "Service" and random.random() < 0.6:
        picked.append("reviews")
    return " ".join(_field(random, fields_of[each], each) for each in dict.fromkeys(picked))


def _field(random: Random, definition, name: str) -> str:
    type_ = get_named_type(definition.type)
    below = "" if is_leaf_type(type_) else f" {{ {_selection(random, type_.name)} }}"
    return f"{name}{_page(random) if definition.args else ''}{below}"


def _page(random: Random) -> str:
    given = [
        random.choice(["first: 1", "first: 2", "last: 1", "last: 3", "first: 0", "first: 101", ""]),
        random.choice(["", *(f"orderBy: {order.name}" for order in review_list.ReviewSort)]),
        random.choice(["", "", 'after: "no cursor"', "page: 1", "page: 2", "after: null"]),
        random.choice(["", "", *(f"filter: {{ {each} }}" for each in FILTERS)]),
    ]
    arguments = ", ".join(filter(None, given))
    return f"({arguments})" if arguments else ""


FILTERS = [
    "rating: 4",
    "rating: 7",
    "status: APPROVED",
    "status: PENDING",
    "awaitsDecision: true",
    "awaitsDecision: false",
    'author: { externalId: "MARIA" }',
    "hasReply: true",
    'search: "good"',
    "",
]


def _document(random: Random) -> str:
    if random.random() < 0.2:
        cards = 'services: [{ externalId: "LOGO" }, { externalId: "SONG" }], vendors: [{ externalId: "NINA" }]'
        return f"query {{ ratingSummaries({cards}) {{ {_selection(random, 'RatingSummary')} }} }}"
    return (
        f'query {{ service(ref: {{ externalId: "LOGO" }}) {{ {_selection(random, "Service")} }} }}'
    )


async def test_random_storefronts_are_answered_alike(world, row_answers, caplog):
    seeds = SystemRandom().sample(range(2**32), FUZZ // ANSWERS) if FUZZ else range(150)
    for seed in seeds:
        text = _document(Random(seed))
        asked = reshaped(schema._schema, text, world, seed, further=seed % 5 == 0)
        if validate(schema._schema, parse(asked.text)):
            continue  # a field twice, with different arguments
        viewers = Random(seed).sample([*VIEWERS, *GUESTS], 4)
        await compare(asked.text, asked.variables, [viewer_of(name, world) for name in viewers])

    # Otherwise the test would compare the stock executor with itself.
    assert caplog.messages == []
    assert row_answers[True] > 300


CARD = "title ratingSummary { count average breakdown { stars count percentage } }"
PAGE = """reviews(first: 2, orderBy: NEWEST, after: $after) { totalCount pageInfo { hasNextPage endCursor }
    edges { cursor node { id rating body createdAt author { displayName } subRatings { quality } reply { body createdAt } } } }"""
HOT = {
    "a card": f"query($ref: NodeRef!) {{ service(ref: $ref) {{ {CARD} }} }}",
    "a page": f"query($ref: NodeRef!, $after: String) {{ service(ref: $ref) {{ {CARD} {PAGE} }} }}",
    "cards": f"query($ref: NodeRef!) {{ ratingSummaries(services: [$ref]) {{ {CARD.removeprefix('title ratingSummary {').removesuffix('}')} }} }}",
}


@pytest.mark.parametrize("name", HOT)
async def test_hot_operations_need_no_executor(name, world, monkeypatch):
    operation, ref = operation_of(HOT[name]), {"externalId": "LOGO"}
    monkeypatch.setattr(CompiledExecutor, "run", None)

    for viewer in everybody(world):
        answer = await answer_of(COMPILED, operation, {"ref": ref}, viewer)
        assert '"count":' in answer
        assert answer.endswith("} []")


OF_A_VENDOR = f"""query($ref: NodeRef!) {{ service(ref: $ref) {{ {CARD} vendor {{ displayName
    {CARD.removeprefix("title ")} }} reviews {{ nodes {{ id }} }} }} }}"""


async def _rate_the_vendor_alone():
    vendors = "SELECT id FROM vendor"
    await sql.execute(f"UPDATE rating_counter SET n1 = 7 WHERE subject_id IN ({vendors})")


async def test_the_rating_of_a_vendor_is_its_own(world, row_answers):
    await _rate_the_vendor_alone()

    for name in ("LOGO", "SONG", "NOBODY"):
        await compare(OF_A_VENDOR, [{"ref": {"externalId": name}}], everybody(world))

    assert row_answers[False] == 0


async def test_the_rating_of_the_service_for_its_vendors_is_found(world, monkeypatch):
    monkeypatch.setitem(FIELD_EXPRESSIONS["Vendor"].fields, "ratingSummary", SameRow(""))
    await _rate_the_vendor_alone()

    with pytest.raises(AssertionError):
        await compare(OF_A_VENDOR, [{"ref": {"externalId": "LOGO"}}], everybody(world))


ALONE = [
    "{ totalCount }",
    "(filter: { rating: 4 }) { totalCount nodes { id } }",
    "{ pageInfo { endCursor } }",
    "{ edges { cursor } }",
    "{ __typename }",
    "(first: 0) { totalCount nodes { id } pageInfo { hasNextPage startCursor } }",
]


@pytest.mark.parametrize("page", ALONE)
async def test_a_part_of_a_page_alone_is_answered_from_rows(page, world, row_answers):
    for service in ("LOGO", "SONG", "NOBODY"):
        text = f'{{ service(ref: {{ externalId: "{service}" }}) {{ reviews{page} }} }}'
        await compare(text, [{}], everybody(world))

    assert row_answers[False] == 0


async def test_more_reviews_than_an_int_holds_are_refused_alike(world):
    await sql.execute("UPDATE rating_counter SET n1 = 2000000000, n5 = 2000000000")
    for text in (HOT["a card"], HOT["cards"], HOT["a page"]):
        await compare(text, [{"ref": {"externalId": "LOGO"}}], everybody(world))


async def test_nothing_of_a_request_is_kept(world):
    operation = operation_of(HOT["a card"])
    marked = "of one request"
    await answer_of(COMPILED, operation, {"ref": {"externalId": marked}}, ANONYMOUS)

    seen, waiting = set(), [operation]
    while waiting:
        thing = waiting.pop()
        if id(thing) not in seen and not isinstance(thing, type | ModuleType | FunctionType):
            seen.add(id(thing))
            assert type(thing) is not str or thing != marked
            waiting += gc.get_referents(thing) if not hasattr(thing, "_pool") else []


async def test_a_page_goes_on_where_the_one_before_ended(world, row_answers):
    """Through all pages, from both ends, by every sort."""
    for order in review_list.ReviewSort:
        for size, cursor in (("first", "after"), ("last", "before")):
            text = f"""query($cursor: String) {{ service(ref: {{ externalId: "LOGO" }}) {{
                reviews({size}: 1, {cursor}: $cursor, orderBy: {order.name}) {{
                    pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} edges {{ cursor node {{ id }} }} }} }} }}"""
            given: dict[str, str] = {}
            for _ in range(5):
                await compare(text, [given], everybody(world))
                answer = await answer_of(COMPILED, operation_of(text), given, ANONYMOUS)
                page = orjson.loads(answer.removesuffix(" []"))["service"]["reviews"]
                if not page["edges"]:
                    break
                given = {"cursor": page["edges"][0]["cursor"]}
            assert page["edges"] == []
    assert row_answers[False] == 0


KINDS = {
    "Int": (fields.IntField, fields.SmallIntField),
    "String": (fields.CharField, fields.TextField),
    "Boolean": (fields.BooleanField,),
    "DateTime": (fields.DatetimeField,),
}


def _column(name: str):
    """The model's field behind a column of the statement."""
    if name == "author_name":
        return Customer._meta.fields_map["display_name"]
    for prefix, model in (("its_", Service), ("seller_", Vendor), ("", Review)):
        if name.startswith(prefix):
            return model._meta.fields_map[name.removeprefix(prefix)]
    return None


def test_columns_that_are_returned_unchanged_have_the_types_of_their_fields(app):
    seen = 0
    for type_name, expressions in FIELD_EXPRESSIONS.items():
        for name, expression in expressions.fields.items():
            if expressions.reading != ROW or not re.fullmatch(r"\{\w+\}", expression):
                continue
            seen += 1
            column, type_ = _column(expression[1:-1]), TYPES[type_name].fields[name].type
            inner = get_nullable_type(type_)
            if is_enum_type(inner):
                assert [member.value for member in column.enum_type] == list(inner.values)
            else:
                assert isinstance(column, KINDS[inner.name]), (type_name, name)
            # A reply exists if both of its columns are set.
            assert inner is type_ or not column.null or type_name == "ReviewReply", (
                type_name,
                name,
            )
    assert seen > 15


def test_every_field_expression_belongs_to_a_field():
    for name, expressions in FIELD_EXPRESSIONS.items():
        assert set(expressions.fields) <= set(TYPES[name].fields), name


def _wrong(type_name: str, field: str, expression: str):
    return FIELD_EXPRESSIONS[type_name].fields, field, expression


# Planted bugs that somebody could write.
FAULTS = {
    "another column": _wrong("Review", "rating", "{helpful_count}"),
    "a whole name": _wrong("ReviewAuthor", "displayName", "{author_name}"),
    "a reply for nobody": _wrong("Review", "reply", SameRow("False")),
    "a mean of other stars": _wrong("RatingSummary", "average", "stars(hundredths({n1}, {n5}))"),
    "the last cursor first": _wrong("PageInfo", "startCursor", "{cursors}[-1]"),
    "always a next page": _wrong("PageInfo", "hasNextPage", "True"),
    "a row too many": _wrong("ReviewConnection", "nodes", "({rows} + {rows})"),
    "cursors of another order": (queries, "SORTS", dict.fromkeys(review_list.SORTS, NEWEST)),
    "filters are forgotten": (queries, "as_filter", lambda _: review_list.ANY),
    "the end is the beginning": (
        queries,
        "page_request",
        lambda first, after, last, before, page: page_request(
            first or last, after, None, before, page
        ),
    ),
}
BY_HAND = f"""query($ref: NodeRef!, $first: Int, $last: Int, $order: ReviewOrder!, $filter: ReviewFilter) {{
        service(ref: $ref) {{ named: title {CARD} reviews(first: $first, last: $last, orderBy: $order, filter: $filter) {{
            nodes {{ id }} edges {{ cursor node {{ rating body author {{ displayName }} reply {{ body }} }} }}
            pageInfo {{ hasNextPage startCursor endCursor }} totalCount }} }} }}"""  # fmt: skip
GIVEN = [
    {"ref": {"externalId": "LOGO"}, "order": "NEWEST", "first": 1},
    {"ref": {"externalId": "LOGO"}, "order": "HIGHEST", "last": 2},
    {"ref": {"externalId": "SONG"}, "order": "LOWEST"},
    {"ref": {"externalId": "LOGO"}, "order": "MOST_HELPFUL", "filter": {"rating": 4}},
]


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_planted_bug_is_found(fault, world, monkeypatch):
    place, name, wrong = FAULTS[fault]
    (monkeypatch.setitem if isinstance(place, dict) else monkeypatch.setattr)(place, name, wrong)

    with pytest.raises(AssertionError):
        await compare(BY_HAND, GIVEN, everybody(world))


async def test_without_a_planted_bug_there_is_no_difference(world, row_answers):
    await compare(BY_HAND, GIVEN, everybody(world))

    assert row_answers[False] == 0

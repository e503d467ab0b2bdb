"""Every field of every type, with a value, on every path: what was written is what is read.

Everything is generated from the schema, so that a new field, column or type is tested automatically.
"""

import orjson

from candor.engine.fast.rows.field_expressions import ABOUT_VIEWER
from resolvers.viewer import PUBLIC_ONLY_ROLES
from schema.context import Context
from schema.review import is_public_only
from tests.candor.sameness import COMPILED, STOCK, VIEWERS, operation_of
from tests.schema.field_walk import NODES, TYPES, Known, fact, facts, leaves_of, same, ways

ROOTS = {
    "service": '(ref: { externalId: "LOGO" })',
    "vendor": '(ref: { externalId: "NINA" })',
    "order": '(ref: { externalId: "ORDER-1" })',
    "reviewEligibility": '(order: { externalId: "ORDER-1" })',
    "ratingSummaries": '(services: [{ externalId: "LOGO" }])',
    "teamAnalytics": '(period: { from: "2026-01-01", to: "2026-01-31" })',
}


async def _ask(execution, viewer, text, by=None):
    answer = await execution.execute(operation_of(text), {}, Context(viewer))
    if by is not None:
        assert answer.by == by, text
    result = answer.result
    codes = {getattr(error.original_error, "code", error) for error in result.errors or ()}
    if codes and codes <= {"FORBIDDEN", "UNAUTHENTICATED"} and not viewer.is_admin:
        return None
    assert not result.errors, f"{result.errors} {text}"
    return orjson.loads(orjson.dumps(result.data))  # as it goes over the wire


async def test_every_field_is_the_same_by_every_way(shop_of_everything, ada, maria):
    inputs = shop_of_everything
    (of_maria,) = (await maria.ask("{ reviews { nodes { id } } }"))["reviews"]["nodes"]
    updates = (await ada.ask("{ orderUpdates { nodes { id } } }"))["orderUpdates"]["nodes"]
    roots = ROOTS | {
        "review": f'(id: "{of_maria["id"]}")',
        "orderUpdate": f'(id: "{updates[0]["id"]}")',
    }
    reached = set()
    for name in ("Ada", "Nina", "Maria", "a stranger"):
        known, viewer = Known(), VIEWERS[name]
        for way in ways(roots):
            text = way.document(facts(way.type_))
            for execution in (STOCK, COMPILED):
                data = await _ask(execution, viewer, text)
                for thing in way.ends(data):
                    if thing.get("__typename") == way.type_.name:
                        known.look(thing, text)
        await _by_ids(known, viewer)
        reached |= known.leaves()
        if name == "Ada":
            _is_what_was_told(known, inputs)
    expected = set().union(*map(leaves_of, NODES))
    assert expected - reached == set(), "the world above has no value for these"


async def _by_ids(known, viewer):
    for (name, id_), _ in list(known.things.items()):
        fields = f"__typename ... on {name} {{ {facts(TYPES[name])} }}"
        text = f'{{ node(id: "{id_}") {{ {fields} }} nodes(ids: ["{id_}"]) {{ {fields} }} }}'
        for execution in (STOCK, COMPILED):
            data = await _ask(execution, viewer, text)
            for thing in (data["node"], *data["nodes"]):
                known.look(thing, text)


def _is_what_was_told(known, inputs):
    """Orders, services and vendors are as the feed sent them."""
    for name, given in inputs.items():
        plain = {each: value for each, value in given.items() if not isinstance(value, dict)}
        (thing,) = (
            facts
            for (of, _), facts in known.things.items()
            if of == name and facts["externalId"] == given["externalId"]
        )
        assert same({each: plain[each] for each in plain.keys() & thing.keys()}, thing) == {}, name


async def test_each_field_alone_is_what_the_whole_tells(shop_of_everything):
    """Selected alone, a field is read from fewer columns, or from a row without resolvers."""
    for viewer in (VIEWERS["a stranger"], VIEWERS["Ada"]):
        for name, before, after in (
            ("Review", "reviews(first: 9) { nodes {", "} }"),
            ("Service", "", ""),
            ("Vendor", "vendor {", "}"),
        ):
            page = f"{{ service{ROOTS['service']} {{ {before} %s {after} }} }}"
            whole = await _ask(STOCK, viewer, page % facts(TYPES[name]))
            for field, definition in TYPES[name].fields.items():
                alone = fact(field, definition)
                if not alone:
                    continue
                fast = "straight" if _is_straight(name, field, viewer) else "compiled"
                for execution, by in ((STOCK, "stock"), (COMPILED, fast)):
                    assert _within(await _ask(execution, viewer, page % alone, by), whole), alone


def _is_straight(name, field, viewer):
    """Whether a field needs only the row, and not the reader's language; others are not tried.

    What the viewer may do needs more than the row, but for whoever can only read.
    """
    if (name, field) in ABOUT_VIEWER:
        return viewer.role in PUBLIC_ONLY_ROLES
    if name == "Review":
        return is_public_only({field: {}}) and field != "starsInWords"
    return name != "Vendor" or field not in {"level", "levelProgress"}


def _within(part, whole):
    if isinstance(part, dict):
        return all(_within(value, whole[name]) for name, value in part.items())
    if isinstance(part, list):
        return all(map(_within, part, whole)) and len(part) == len(whole)
    return part == whole

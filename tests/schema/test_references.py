"""Each reference declares its type, and whether it looks up an order by a guessable number."""

import re
from uuid import UUID

import pytest
from graphql import get_named_type, is_input_object_type, is_object_type, parse

from candor.engine.documents import document_of
from schema import fetch, ids
from schema.api import schema
from schema.references import Of, declared, guesses_orders

SCHEMA = schema._schema
OTHER = ids.encode("TrackingEvent", UUID(int=1))
# Filters that look up no order: they narrow what the viewer may see anyway.
NARROWING = {"OrderUpdateFilter.order", "TrackingFilter.order"}
GUESSES = {
    "Query.order",
    "Query.reviewEligibility",
    "Mutation.createReview",
    "Mutation.openUpdate",
    "Mutation.revokeLinks",
}
REVIEW = 'rating: 5, body: "Very good work."'
# Each place for a reference, with a document that has one there.
PLACES = {
    "Query.service.ref": "query($r: NodeRef!) { service(ref: $r) { id } }",
    "Query.vendor.ref": "query($r: NodeRef!) { vendor(ref: $r) { id } }",
    "Query.order.ref": "query($r: NodeRef!) { order(ref: $r) { id } }",
    "Query.reviewEligibility.order": "query($r: NodeRef!) { reviewEligibility(order: $r) { eligible } }",
    "Query.ratingSummaries.services": "query($r: NodeRef!) { ratingSummaries(services: [$r]) { count } }",
    "Query.ratingSummaries.vendors": "query($r: NodeRef!) { ratingSummaries(vendors: [$r]) { count } }",
    "OrderUpdateFilter.order": "query($r: NodeRef!) { orderUpdates(filter: {order: $r}) { totalCount } }",
    "OrderUpdateFilter.assignee": "query($r: NodeRef!) { orderUpdates(filter: {assignee: $r}) { totalCount } }",
    "TrackingFilter.order": "query($r: NodeRef!) { trackingLog(filter: {order: $r}) { totalCount } }",
    "ReviewFilter.service": "query($r: NodeRef!) { reviews(filter: {service: $r}) { totalCount } }",
    "ReviewFilter.vendor": "query($r: NodeRef!) { reviews(filter: {vendor: $r}) { totalCount } }",
    "ReviewFilter.author": "query($r: NodeRef!) { reviews(filter: {author: $r}) { totalCount } }",
    "ServiceFilter.vendor": "query($r: NodeRef!) { services(filter: {vendor: $r}) { totalCount } }",
    "CreateReviewInput.order": f"mutation($r: NodeRef!) {{ createReview(input: {{order: $r, {REVIEW}}}) {{ errors {{ code field message }} }} }}",
    "RevokeLinksInput.order": "mutation($r: NodeRef!) { revokeLinks(input: {order: $r}) { errors { code field message } } }",
    "OpenUpdateInput.order": 'mutation($r: NodeRef!) { openUpdate(input: {order: $r, title: "Late"}) { errors { code field message } } }',
    "OpenUpdateInput.assignee": 'mutation($r: NodeRef!) { openUpdate(input: {order: {externalId: "ORDER-1"}, title: "Late", assignee: $r}) { errors { code field message } } }',
    "AssignUpdateInput.assignee": f'mutation($r: NodeRef!) {{ assignUpdate(input: {{updateId: "{ids.encode("OrderUpdate", UUID(int=1))}", assignee: $r}}) {{ errors {{ code field message }} }} }}',
    "Subscription.reviewPublished.service": "subscription($r: NodeRef!) { reviewPublished(service: $r) { id } }",
    "Subscription.reviewPublished.vendor": "subscription($r: NodeRef!) { reviewPublished(vendor: $r) { id } }",
}  # fmt: skip


def _places():
    """Every argument and every field of an input, with its Strawberry object."""
    for type_ in SCHEMA.type_map.values():
        for name, field in getattr(type_, "fields", {}).items():
            own = field.extensions.get("strawberry-definition")
            if is_input_object_type(type_):
                yield f"{type_.name}.{name}", field, own
            elif is_object_type(type_) and own is not None:
                by_name = {schema.config.name_converter.from_argument(a): a for a in own.arguments}
                for given, argument in field.args.items():
                    yield f"{type_.name}.{name}.{given}", argument, by_name[given]


def _names(place, type_name):
    return get_named_type(place.type).name == type_name


def _references():
    return {where: declared(own) for where, place, own in _places() if _names(place, "NodeRef")}


def test_every_reference_says_what_it_names():
    assert {where for where, of in _references().items() if not isinstance(of, Of)} == set()
    assert _references().keys() == PLACES.keys()


def test_so_does_every_id_in_the_input_of_a_mutation():
    ends = {get_named_type(field.args["input"].type).name for field in SCHEMA.mutation_type.fields.values()}  # fmt: skip
    nested = {get_named_type(field.type).name for name in ends for field in SCHEMA.get_type(name).fields.values()}  # fmt: skip
    silent = [
        where
        for where, place, own in _places()
        if _names(place, "ID") and where.split(".")[0] in ends | nested - {"NodeRef"}
        if not isinstance(declared(own), Of)
    ]

    assert silent == []


def test_what_looks_up_an_order_by_its_number_counts_as_a_guess():
    counted = {
        f"{type_.name}.{name}"
        for type_ in SCHEMA.type_map.values()
        if is_object_type(type_)
        for name, field in type_.fields.items()
        if (own := field.extensions.get("strawberry-definition")) and guesses_orders(own)
    }
    of_orders = {where: of for where, of in _references().items() if of.type_name == "Order"}

    assert counted == GUESSES
    assert {where for where, of in of_orders.items() if of.narrows} == NARROWING
    for where in of_orders.keys() - NARROWING:
        document = document_of(SCHEMA, parse(PLACES[where]))
        assert [operation.guesses for operation in document.operations] == [1], where


def test_no_number_of_an_order_comes_as_mere_text_but_from_the_back_end_that_made_it():
    """`node` finds an order, too, but by its own id, which nobody can guess."""
    texts = {
        where
        for where, place, _ in _places()
        if _names(place, "String")
        and re.search(r"order(Id|Number|Ref|ExternalId)?$|externalId$", where.split(".")[-1])
    }

    assert texts == {f"{name}.externalId" for name in ("NodeRef", "OrderInput", "PersonInput", "ServiceInput", "TeamMemberInput")}  # fmt: skip
    assert {where for where, place, _ in _places() if _names(place, "OrderInput")} == {"UpsertOrdersInput.orders"}  # fmt: skip


async def test_an_author_is_named_by_the_marketplaces_id_alone(ada):
    answer = await ada.refused(PLACES["ReviewFilter.author"], r={"id": OTHER})

    assert answer == ["INVALID"]
    assert "Customer" not in ids.LETTERS


WITH_IDS = [
    where
    for where in PLACES
    if not where.startswith("Subscription") and where != "ReviewFilter.author"
]


@pytest.mark.parametrize("where", WITH_IDS)
async def test_a_reference_is_read_as_what_it_says(where, feed, ada):
    await feed()
    type_name = _references()[where].type_name
    unknown = ids.encode(type_name, UUID(int=7))

    wrong = (await ada.send(PLACES[where], {"r": {"id": OTHER}})).text
    right = (await ada.send(PLACES[where], {"r": {"id": unknown}})).text

    assert "This is the id of another type: TrackingEvent." in wrong
    assert "another type" not in right


def test_every_node_has_a_letter_and_is_found_by_its_id():
    nodes = {type_.name for type_ in SCHEMA.get_possible_types(SCHEMA.type_map["Node"])}

    assert nodes == ids.LETTERS.keys() == fetch._TYPES.keys()
    assert len(set(ids.LETTERS.values())) == len(ids.LETTERS)

"""The plain reading of an input gives what Strawberry gives."""

import pytest
from strawberry import UNSET
from strawberry.types import get_object_definition
from strawberry.types.arguments import convert_argument

from models import OrderStatus
from schema.api import schema
from schema.order_input import UpsertOrdersInput

PERSON = {"externalId": "MARIA", "displayName": "Maria"}
ROW = {
    "externalId": "ORDER-1",
    "status": OrderStatus.COMPLETED,
    "remindersAllowed": True,
    "handOver": False,
    "customer": PERSON,
    "vendor": {**PERSON, "email": None, "locale": "de"},
    "service": {"externalId": "LOGO", "title": "A logo"},
}


@pytest.mark.parametrize(
    "row",
    [
        ROW,
        {**ROW, "completedAt": None, "updatedAt": None},
        {**ROW, "handOver": True, "service": {**ROW["service"], "url": None}},
        {**ROW, "service": {**ROW["service"], "url": "https://shop.example/logo"}},
    ],
)
def test_rows_are_read_as_strawberry_reads_them(row, monkeypatch):
    values = {"orders": [row, ROW]}
    conventions = schema.schema_converter.scalar_registry, schema.config

    plain = convert_argument(values, UpsertOrdersInput, *conventions)
    definition = get_object_definition(UpsertOrdersInput, strict=True)
    monkeypatch.setattr(definition, "from_input", None)
    stock = convert_argument(values, UpsertOrdersInput, *conventions)

    assert type(plain.orders[0].customer) is type(stock.orders[0].customer)
    assert plain == stock
    assert plain.orders[0].customer.email is UNSET

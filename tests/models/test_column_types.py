"""Rows have the types of the models' fields, on both databases, however they are read."""

from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import pytest
from tortoise import Tortoise, fields

from models import Order, OutboxMail, Review, sql
from models.column_types import Types
from models.database import opened, transaction
from models.uuid7 import uuid7
from resolvers.keyset import newest, request_page
from resolvers.scoped_pages import Listing, list_pages
from resolvers.viewer import Condition

NOW = datetime(2026, 3, 4, 5, 6, 7, 89012, UTC)
# Values that a constraint requires.
SPECIAL = {
    "OrderUpdate": {"status": "CLOSED"},
    "OutboxMail": {"status": "SENDING"},
    "Review": {"status": "APPROVED"},
    # Beside the numbers that the database gives to the rows of triggers.
    "SearchWaiting": {"number": 1_000_000},
}


VALUES = {
    fields.UUIDField: uuid7,
    fields.DatetimeField: lambda: NOW,
    fields.BooleanField: lambda: True,
    fields.JSONField: lambda: {"a": [1, "ä"]},
    fields.CharField: lambda: "text",
    fields.TextField: lambda: "text",
    fields.BinaryField: lambda: b"\0octets",
}


def value_of(field):
    if isinstance(field, fields.data.CharEnumFieldInstance):
        return next(iter(field.enum_type)).value
    return VALUES.get(type(field), lambda: 1)()


def models():
    return Tortoise.apps["models"].values()


async def stored():
    """A stored row of each model, by the model, with a value in every column."""
    rows, remaining = {}, list(models())
    while remaining:
        model = remaining.pop(0)
        meta = model._meta
        keys = {
            meta.fields_map[name].source_field: meta.fields_map[name].related_model
            for name in meta.fk_fields
        }
        if not set(keys.values()) <= rows.keys() | {model}:
            remaining.append(model)
            continue
        row = {name: value_of(meta.fields_map[name]) for name in sql._columns(model)}
        row |= {name: rows[other]["id"] for name, other in keys.items()}
        row |= SPECIAL.get(model.__name__, {})
        names = ", ".join(f'"{name}"' for name in row)
        await sql.execute(
            f"INSERT INTO {meta.db_table} ({names}) VALUES ({sql.places(row)})", *row.values()
        )
        rows[model] = row
    # The row that a trigger wrote for the review, beside ours.
    await sql.execute("DELETE FROM search_waiting WHERE review_id = ?", rows[Review]["id"])
    return rows


@pytest.fixture
async def rows(database):
    async with opened(database):
        yield await stored()


async def the_columns(model):
    columns = sql.columns(model, "t")
    return (
        await sql.fetch(
            f"SELECT {columns} FROM {model._meta.db_table} t", types=sql.types_of(model)
        )
    )[0]


async def the_columns_with_a_prefix(model):
    statement = f"SELECT {sql.columns(model, 't', 'any_')} FROM {model._meta.db_table} t"
    (row,) = await sql.fetch(statement, types=sql.types_of(model, "any_"))
    return {name.removeprefix("any_"): value for name, value in row.items()}


async def a_joined_object(model):
    statement = f"SELECT {sql.columns(model, 't', 'any_')} FROM {model._meta.db_table} t"
    (row,) = await sql.fetch(statement, types=sql.types_of(model, "any_"))
    return vars(sql.joined(model, row, "any_"))


async def an_object(model):
    statement = f"SELECT {sql.columns(model, 't')} FROM {model._meta.db_table} t"
    return vars((await sql.objects(model, statement))[0])


async def a_reader(model):
    read = sql.reader(sql.types_of(model))
    (row,) = await read(f"SELECT {sql.columns(model, 't')} FROM {model._meta.db_table} t")
    return dict(row)


async def a_reader_in_a_transaction(model):
    async with transaction():
        return await the_columns(model)


async def what_an_update_returns(model):
    table, (key,) = model._meta.db_table, model._meta.pk_attr.split()
    column = model._meta.fields_db_projection[key]
    names = ", ".join(f'"{name}"' for name in sql._columns(model))
    statement = f'UPDATE {table} SET "{column}" = "{column}" RETURNING {names}'
    return (await sql.fetch(statement, types=sql.types_of(model)))[0]


async def a_page(model, *, backwards):
    sort = newest("t", model._meta.fields_db_projection[model._meta.pk_attr])
    listing = Listing(model, sql.columns(model, "t"), f"{model._meta.db_table} t")
    request = request_page(last=1) if backwards else request_page(first=1)
    (page,) = await list_pages(listing, [Condition("1 = 1")], sort, request)
    return vars(page.rows[0])


READERS = [
    the_columns,
    the_columns_with_a_prefix,
    a_joined_object,
    an_object,
    a_reader,
    a_reader_in_a_transaction,
    what_an_update_returns,
    partial(a_page, backwards=False),
    partial(a_page, backwards=True),
]


def plain(value):
    """The value for comparison: asyncpg has its own class of UUIDs."""
    return UUID(str(value)) if isinstance(value, UUID) else value


async def test_every_column_of_every_model_has_its_type_however_it_is_read(rows):
    for read in READERS:
        for model, row in rows.items():
            if isinstance(read, partial) and "id" not in row:
                continue  # pages need an id
            fetched = await read(model)
            for name, value in row.items():
                got, where = plain(fetched[name]), f"{model.__name__}.{name} by {read}"
                if sql.is_postgres() and read is a_reader and isinstance(value, dict):
                    continue  # the driver's own rows have JSON as text
                assert got == value, where
                assert isinstance(got, type(value)), where


async def test_by_default_a_column_has_the_type_that_all_models_agree_on(rows):
    for model, row in rows.items():
        agreed = [name for name in row if name != "created_at"]
        names = ", ".join(f'"{name}"' for name in agreed)
        (fetched,) = await sql.fetch(f"SELECT {names} FROM {model._meta.db_table}")
        for name in agreed:
            assert plain(fetched[name]) == row[name], (model, name)
            assert isinstance(plain(fetched[name]), type(row[name])), (model, name)


@pytest.mark.parametrize("table", ["outbox_mail", "review"])
async def test_a_column_on_which_the_models_disagree_needs_an_explicit_type(rows, table):
    with pytest.raises(TypeError, match="'created_at' has several types"):
        await sql.fetch(f"SELECT created_at FROM {table}")


async def test_a_mail_s_created_at_is_a_number_and_a_review_s_an_instant(rows):
    (mail,) = await sql.fetch("SELECT created_at FROM outbox_mail", types=sql.types_of(OutboxMail))
    (review,) = await sql.fetch("SELECT created_at FROM review", types=sql.types_of(Review))

    assert (mail["created_at"], review["created_at"]) == (1, NOW)


COMPUTED = [
    ("SELECT MAX(created_at) AS newest FROM review", {"newest": datetime}, NOW),
    ("SELECT EXISTS (SELECT 1 FROM review) AS reviewed", {"reviewed": bool}, True),
    ("SELECT MIN(CAST(id AS text)) AS first FROM orders", {"first": UUID}, Order),
    ("SELECT MAX(created_at) AS newest FROM outbox_mail", {"newest": int}, 1),
]


@pytest.mark.parametrize(("statement", "types", "value"), COMPUTED)
async def test_a_computed_column_has_the_type_given_with_the_statement(
    rows, statement, types, value
):
    if types == {"first": UUID} and sql.is_postgres():
        statement = "SELECT id AS first FROM orders"
    (row,) = await sql.fetch(statement, types=Types(**types))

    ((name, type_),) = types.items()
    assert isinstance(row[name], type_)
    assert plain(row[name]) == (rows[Order]["id"] if value is Order else value)


@pytest.mark.parametrize(
    "statement", [each[0] for each in COMPUTED[:2]] + ["SELECT id AS first FROM orders"]
)
async def test_on_postgres_an_alias_without_a_type_is_refused(postgres_database, statement):
    async with opened(postgres_database):
        await stored()
        with pytest.raises(TypeError, match="SQLite needs it"):
            await sql.fetch(statement)


async def test_null_is_not_converted(rows):
    types = Types(at=datetime, id=UUID, told=bool, facts=dict)
    nothing = "CAST(NULL AS timestamptz)" if sql.is_postgres() else "NULL"
    (row,) = await sql.fetch(
        f"SELECT {nothing} AS at, NULL AS id, NULL AS told, NULL AS facts", types=types
    )

    assert set(row.values()) == {None}

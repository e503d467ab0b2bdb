"""The index of reviews' texts, which all of them wait for; and texts folded as people type them."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from models import sql, triggers
from models.folding import FOLDED_ANEW, fold
from models.search_chunk import ChunkState

# The folded columns, and how many characters of them are kept.
_FOLDED = {
    ("review", "body_folded"): None,
    ("service", "title_folded"): 900,
    ("team_member", "name_folded"): 400,
}


async def _fold_anew(_apps, editor):
    postgres = sql.speaks_postgres(editor.client)
    has = f"~ '[{FOLDED_ANEW}]'" if postgres else f"GLOB '*[{FOLDED_ANEW}]*'"
    for (table, column), limit in _FOLDED.items():
        # Folding once more what was folded gives the same as folding the text itself.
        rows = await editor.client.execute_query_dict(
            f"SELECT id, {column} AS folded FROM {table} WHERE {column} {has}"
        )
        update = f"UPDATE {table} SET {column} = ? WHERE id = ?"
        if postgres:
            update = sql.with_dollar_numbers(update)
        for row in rows:
            await editor.client.execute_query(update, [fold(row["folded"])[:limit], row["id"]])


async def _let_all_wait(_apps, editor):
    # First the triggers: processes of the version before may still write reviews.
    await triggers.bring_up_to_date(editor.client)
    await editor.client.execute_query(
        "INSERT INTO search_waiting (review_id) SELECT id FROM review WHERE deleted_at IS NULL"
    )


class Migration(migrations.Migration):
    dependencies = [("models", "0010_switches_of_mails")]

    initial = False

    operations = [
        ops.CreateModel(
            name="SearchChunk",
            fields=[
                (
                    "number",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("first_number", fields.BigIntField()),
                ("size", fields.IntField()),
                ("state", fields.CharEnumField(enum_type=ChunkState, max_length=16)),
                ("gone", fields.IntField(default=0)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "search_chunk", "app": "models", "pk_attr": "number"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SearchEntry",
            fields=[
                ("number", fields.BigIntField(
                        generated=False, primary_key=True, unique=True, db_index=True
                    )),
                ("review_id", fields.UUIDField()),
            ],
            options={"table": "search_entry", "app": "models", "pk_attr": "number"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SearchGram",
            fields=[
                ("gram", fields.BigIntField(
                        generated=False, primary_key=True, unique=True, db_index=True
                    )),
                ("amount", fields.IntField()),
                ("numbers", fields.BinaryField()),
            ],
            options={"table": "search_gram", "app": "models", "pk_attr": "gram"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SearchWaiting",
            fields=[
                (
                    "number",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("review_id", fields.UUIDField()),
            ],
            options={
                "table": "search_waiting",
                "app": "models",
                "pk_attr": "number",
                "table_description": (
                    "One row for each change, written by the triggers of `models.triggers`."
                ),
            },
            bases=["Model"],
        ),
        ops.RunPython(_fold_anew),
        ops.RunPython(_let_all_wait),
    ]

"""Marks up to which an inbox was read."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from models.notification import Audience
from models.uuid7 import uuid7


def _moment():
    return fields.DatetimeField(auto_now=False, auto_now_add=False)


class Migration(migrations.Migration):
    dependencies = [("models", "0007_parties_of_updates")]

    initial = False

    operations = [
        ops.CreateModel(
            name="InboxMark",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True),
                ),
                ("audience", fields.CharEnumField(enum_type=Audience, max_length=16)),
                ("recipient", fields.CharField(max_length=200)),
                ("read_until", _moment()),
                ("marked_at", _moment()),
            ],
            options={
                "table": "inbox_mark",
                "app": "models",
                "pk_attr": "id",
                "table_description": (
                    "Notifications of the inbox that fell due until `read_until` were read at"
                    " `marked_at`."
                ),
            },
            bases=["Model"],
        ),
    ]

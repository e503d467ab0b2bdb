"""The stable secret for digests of mail, and when keys expire and were last used."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields


def _moment():
    return fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)


class Migration(migrations.Migration):
    dependencies = [("models", "0005_who_told")]

    initial = False

    operations = [
        ops.CreateModel(
            name="MailSecret",
            fields=[
                (
                    "name",
                    fields.CharField(
                        primary_key=True, default="lasting", unique=True, db_index=True, max_length=8
                    ),
                ),
                ("locked", fields.TextField(unique=False)),
            ],
            options={"table": "mail_secret", "app": "models", "pk_attr": "name"},
            bases=["Model"],
        ),
        ops.AddField("ApiKey", "valid_until", _moment()),
        ops.AddField("ApiKey", "last_used_at", _moment()),
    ]

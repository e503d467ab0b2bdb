"""One switch for each kind of mail, instead of a column for three of them."""

import json

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops

from models import sql

# The columns, the mails that they switch, and how they are by default.
_SWITCHES = {
    "review_reminder_enabled": ("review.reminder", True),
    "rating_request_enabled": ("update.rating_request", False),
    "detractor_alert_enabled": ("rating.alert", True),
}


async def _gather_switches(_apps, editor):
    statement = "UPDATE site_settings SET mail_switches = ?"
    if sql.speaks_postgres(editor.client):
        statement = sql.with_dollar_numbers(statement)
    for row in await editor.client.execute_query_dict(
        f"SELECT {', '.join(_SWITCHES)} FROM site_settings"
    ):
        changed = {
            mail: bool(row[column])
            for column, (mail, default) in _SWITCHES.items()
            if bool(row[column]) != default
        }
        await editor.client.execute_query(statement, [json.dumps(changed)])


class Migration(migrations.Migration):
    dependencies = [("models", "0009_active_team")]

    initial = False

    operations = [
        ops.AddField(
            "SiteSettings",
            "mail_switches",
            fields.JSONField(default=dict, db_default="{}", encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.RunPython(_gather_switches),
        *(ops.RemoveField("SiteSettings", column) for column in _SWITCHES),
    ]

"""The roles of team members, when they were deactivated, and by what they are listed."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from models import sql
from models.team_member import folded_name


async def _fold_names(_apps, editor):
    statement = "UPDATE team_member SET name_folded = ? WHERE id = ?"
    if sql.speaks_postgres(editor.client):
        statement = sql.with_dollar_numbers(statement)
    rows = await editor.client.execute_query_dict(
        "SELECT id, display_name, external_id FROM team_member"
    )
    for row in rows:
        folded = folded_name(row["display_name"], row["external_id"])
        await editor.client.execute_query(statement, [folded, row["id"]])


class Migration(migrations.Migration):
    dependencies = [("models", "0008_marks_of_inboxes")]

    initial = False

    operations = [
        ops.AddField(
            "TeamMember", "role", fields.CharField(default="STAFF", db_default="STAFF", max_length=16)
        ),
        ops.AddField(
            "TeamMember",
            "deactivated_at",
            fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField("TeamMember", "name_folded", fields.TextField(default="", db_default="")),
        ops.RunPython(_fold_names),
    ]

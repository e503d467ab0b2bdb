"""The roles of team members, and when they were deactivated."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


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
    ]

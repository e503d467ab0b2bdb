"""Who wrote which version of a review, which one a reply answered, and edits that wait."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops

from models.review import EditedBy
from models.uuid7 import uuid7

# Edits count as the author's unless the log says that another admin made them. The log has one line
# for each revision: the newest of both belong together, and so on.
_NUMBERED = "ROW_NUMBER() OVER (PARTITION BY {of} ORDER BY {at} DESC, id DESC) AS place"
_FOLLOW_THE_LOG = (
    f"""UPDATE review_revision SET replaced_by = 'ADMIN' WHERE id IN (
  SELECT v.id
  FROM (SELECT id, review_id, {_NUMBERED.format(of="review_id", at="replaced_at")}
    FROM review_revision) v
  JOIN (SELECT subject_id, actor, actor_role, {_NUMBERED.format(of="subject_id", at="at")}
    FROM tracking_event WHERE kind = 'review.edited') e
  ON e.subject_id = v.review_id AND e.place = v.place
  JOIN review r ON r.id = v.review_id JOIN customer c ON c.id = r.customer_id
  WHERE e.actor_role = 'ADMIN' AND (e.actor IS NULL OR e.actor <> c.external_id))""",
    """UPDATE review SET edited_by = COALESCE((
  SELECT v.replaced_by FROM review_revision v WHERE v.review_id = review.id
  ORDER BY v.replaced_at DESC, v.id DESC LIMIT 1), 'AUTHOR')
WHERE edited_at IS NOT NULL""",
    """UPDATE review SET replied_to_version_at = COALESCE((
  SELECT MAX(v.replaced_at) FROM review_revision v
  WHERE v.review_id = review.id AND v.replaced_at <= review.replied_at), created_at)
WHERE replied_at IS NOT NULL""",
)


async def _follow_the_log(_apps, editor):
    for statement in _FOLLOW_THE_LOG:
        await editor.client.execute_query(statement)


class Migration(migrations.Migration):
    dependencies = [("models", "0012_where_mails_lead")]

    initial = False

    operations = [
        ops.CreateModel(
            name="PendingVersion",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True),
                ),
                (
                    "review",
                    fields.ForeignKeyField(
                        "models.Review",
                        source_field="review_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="pending",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("rating", fields.SmallIntField()),
                ("communication", fields.SmallIntField(null=True)),
                ("quality", fields.SmallIntField(null=True)),
                ("value", fields.SmallIntField(null=True)),
                ("body", fields.TextField(unique=False)),
                ("submitted_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "pending_version", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.AddField("Review", "edited_by", fields.CharEnumField(EditedBy, null=True, max_length=16)),
        ops.AddField(
            "Review",
            "replied_to_version_at",
            fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            "ReviewRevision",
            "replaced_by",
            fields.CharEnumField(
                EditedBy, default=EditedBy.AUTHOR, db_default="AUTHOR", max_length=16
            ),
        ),
        ops.AddField("SiteSettings", "review_edit_days", fields.IntField(default=0, db_default=0)),
        ops.RunPython(_follow_the_log),
    ]

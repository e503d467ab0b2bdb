"""Where vendors and the team work, for the buttons of their mails; the share text without a link."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from models import sql

_NAMES = ("vendor_review_url_template", "team_review_url_template", "team_update_url_template")
# The default of before: share buttons add the link themselves. What an admin wrote stays.
_OLD, _NEW = (
    "I had a great experience with {site_name}! {site_url}",
    "I had a great experience with {site_name}!",
)


async def _drop_the_link(_apps, editor):
    statement = "UPDATE site_settings SET promoter_share_text = ? WHERE promoter_share_text = ?"
    if sql.speaks_postgres(editor.client):
        statement = sql.with_dollar_numbers(statement)
    await editor.client.execute_query(statement, [_NEW, _OLD])


class Migration(migrations.Migration):
    dependencies = [("models", "0011_index_of_texts")]

    initial = False

    operations = [
        *(
            ops.AddField("SiteSettings", name, fields.CharField(null=True, max_length=2000))
            for name in _NAMES
        ),
        ops.AlterField(
            "SiteSettings",
            "promoter_share_text",
            fields.CharField(default=_NEW, max_length=1000),
        ),
        ops.RunPython(_drop_the_link),
    ]

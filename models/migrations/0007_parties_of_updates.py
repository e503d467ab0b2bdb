"""The customer and vendor of an update's order, on the update."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

_COPY = """
UPDATE order_update SET
  customer_id = (SELECT customer_id FROM orders WHERE id = order_id),
  vendor_id = (SELECT vendor_id FROM orders WHERE id = order_id)"""


async def _copy_parties(_apps, editor):
    await editor.client.execute_query(_COPY)


class Migration(migrations.Migration):
    dependencies = [("models", "0006_secrets_and_keys")]

    initial = False

    operations = [
        ops.AddField("OrderUpdate", "customer_id", fields.UUIDField(null=True)),
        ops.AddField("OrderUpdate", "vendor_id", fields.UUIDField(null=True)),
        ops.RunPython(_copy_parties),
    ]

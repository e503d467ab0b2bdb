"""The source and time of facts about orders, persons and services; one customer per guest's order."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from models import sql
from models.guest import guest_of

_GUESTS = """(SELECT id FROM customer
  WHERE lower(external_id) IN ('0', 'guest', 'none', 'null', 'anonymous'))"""
_GUEST_ORDERS = f"""
SELECT o.id, o.external_id, c.display_name, c.email, c.locale, c.created_at,
  COUNT(*) OVER (PARTITION BY o.customer_id) AS orders
FROM orders o JOIN customer c ON c.id = o.customer_id WHERE c.id IN {_GUESTS}"""
# A guest gets the id of the order, so that the statements below need no list of ids.
_INSERT = (
    "INSERT INTO customer (id, external_id, display_name, email, locale, created_at)"
    " VALUES {rows} ON CONFLICT (external_id) DO NOTHING"
)
# A customer may already have that external id, made of the order's: then it is the buyer.
_NAMED_BEFORE = """
UPDATE orders SET customer_id = (SELECT id FROM customer WHERE external_id = ?) WHERE id = ?"""
_BATCH = 500
_IS_SHARED = "customer_id IN (SELECT customer_id FROM orders GROUP BY 1 HAVING COUNT(*) > 1)"
_HAS_GUEST = "id IN (SELECT id FROM customer)"
_RECIPIENT = """COALESCE(
  (SELECT c.{column} FROM orders o JOIN customer c ON c.id = o.customer_id WHERE o.id = subject_id),
  (SELECT c.{column} FROM review r JOIN customer c ON c.id = r.customer_id WHERE r.id = subject_id),
  (SELECT c.{column} FROM order_update u JOIN orders o ON o.id = u.order_id
    JOIN customer c ON c.id = o.customer_id WHERE u.id = subject_id), {otherwise})"""
_THEIRS = """audience = 'CUSTOMER'
  AND lower(recipient) IN ('0', 'guest', 'none', 'null', 'anonymous')"""
_NAMED = _RECIPIENT.format(column="external_id", otherwise="'guest:'")
_MOVES = (
    # Where several people were one customer, links to all their orders went to the last of them.
    f"UPDATE orders SET link_version = link_version + 1 WHERE customer_id IN {_GUESTS}"
    f" AND {_IS_SHARED}",
    f"UPDATE orders SET customer_id = id WHERE customer_id IN {_GUESTS} AND {_HAS_GUEST}",
)
_FOLLOW = (
    "UPDATE review SET customer_id = (SELECT customer_id FROM orders WHERE id = order_id),"
    f" idempotency_key = NULL, idempotency_digest = NULL WHERE customer_id IN {_GUESTS}",
    f"UPDATE outbox_mail SET recipient = {_NAMED},"
    f" address = {_RECIPIENT.format(column='email', otherwise='NULL')} WHERE {_THEIRS}",
    f"UPDATE notification SET recipient = {_NAMED} WHERE {_THEIRS}",
    f"DELETE FROM customer WHERE id IN {_GUESTS}",
)


async def _tell_guests_apart(_apps, editor):
    """Split customers that were stored under one placeholder id into one customer per order.

    The stored name and address belong to only one of the orders, and it is unknown which: where
    there were several orders, no customer keeps them.
    """
    client = editor.client
    rows = await client.execute_query_dict(_GUEST_ORDERS)
    for start in range(0, len(rows), _BATCH):
        guests = [_guest(row) for row in rows[start : start + _BATCH]]
        flat = [value for guest in guests for value in guest]
        await _run(client, _INSERT.format(rows=", ".join(["(?, ?, ?, ?, ?, ?)"] * len(guests))), *flat)
    if not rows:
        return
    for move in _MOVES:
        await _run(client, move)
    for row in await client.execute_query_dict(_GUEST_ORDERS):
        await _run(client, _NAMED_BEFORE, guest_of(row["external_id"]), row["id"])
    for move in _FOLLOW:
        await _run(client, move)


async def _run(client, statement, *values):
    if sql.speaks_postgres(client):
        statement = sql.with_dollar_numbers(statement)
    await client.execute_query(statement, list(values))


def _guest(row):
    alone = row["orders"] == 1
    return (
        row["id"],
        guest_of(row["external_id"]),
        row["display_name"] if alone else "",
        row["email"] if alone else None,
        row["locale"] if alone else None,
        row["created_at"],
    )


class Migration(migrations.Migration):
    dependencies = [("models", "0004_mail_attempts")]

    initial = False

    operations = [
        *(
            ops.AddField(model_name=model, name=name, field=field)
            for model in ("Customer", "Vendor", "Service")
            for name, field in (
                ("told_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("told_by_partner", fields.BooleanField(default=False, db_default=False)),
            )
        ),
        ops.AddField("Customer", "email_from", fields.UUIDField(null=True)),
        ops.AddField(
            "Order",
            "updated_at",
            fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            "Order", "updated_by_partner", fields.BooleanField(default=False, db_default=False)
        ),
        ops.AddField("Order", "fed", fields.BooleanField(default=False, db_default=False)),
        ops.AddField("Order", "contact_email", fields.CharField(null=True, max_length=320)),
        ops.RunPython(_tell_guests_apart),
    ]

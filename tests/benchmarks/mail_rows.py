"""Rows of the outbox for measurements: mails that are due, and half a million that are not."""

from tortoise.connection import get_connection

from mailers.outbox import claims
from models import sql
from models.uuid7 import uuid7


async def promise(count: int, occasion: str, due_at: int, every: int = 0) -> None:
    """Promise mails about this many reviews, the first due at `due_at`, then one every `every` ms."""
    reviews = await sql.fetch(
        "SELECT id FROM review WHERE status = 'APPROVED' AND deleted_at IS NULL LIMIT ?", count
    )
    rows = [
        {
            "id": uuid7(),
            "mail": "review.received",
            "dedupe_key": f"{occasion}:{number}",
            "audience": "VENDOR",
            "recipient": "V",
            "subject_type": "Review",
            "subject_id": review["id"],
            "params": "{}",
            "status": "SCHEDULED",
            "due_at": due_at + number * every,
            "attempts": 0,
            "ambiguous": 0,
            "in_data": False,
            "created_at": due_at,
        }
        for number, review in enumerate(reviews)
    ]
    statement = f"INSERT INTO outbox_mail ({', '.join(rows[0])}) VALUES ({sql.places([*rows[0]])})"
    values = [[*row.values()] for row in rows]
    if sql.is_postgres():
        statement = sql.with_dollar_numbers(statement)
    else:
        values = [[sql._for_sqlite(value) for value in row] for row in values]
    await get_connection("default").execute_many(statement, values)


async def fill(count: int) -> None:
    """Insert this many mails: four in five are sent, the others are due next year."""
    numbers = (
        f"generate_series(1, {count}) AS s(n)"
        if sql.is_postgres()
        else "(WITH RECURSIVE s(n) AS"
        f" (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count}) SELECT n FROM s)"
    )
    random_id = "gen_random_uuid()" if sql.is_postgres() else "lower(hex(randomblob(16)))"
    true = "true" if sql.is_postgres() else "1"
    moment = claims.now()
    connection = get_connection("default")
    await connection.execute_script(
        f"""INSERT INTO outbox_mail (id, mail, dedupe_key, audience, recipient, subject_type,
          subject_id, params, status, due_at, expires_at, attempts, ambiguous, in_data, created_at)
        SELECT {random_id}, 'review.received', 'key:' || n, 'VENDOR', 'V', 'Review',
          {random_id}, '{{}}', CASE WHEN n % 5 = 0 THEN 'SCHEDULED' ELSE 'SENT' END,
          CASE WHEN n % 5 = 0 THEN {moment + 31_536_000_000} + n ELSE {moment} - n END,
          NULL, 0, 0, {true}, {moment} FROM {numbers}"""
    )
    await connection.execute_script("ANALYZE")

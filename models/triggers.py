"""Every trigger, for both databases: whoever writes a review, searches must find it.

Like indexes, they do not survive Tortoise's rebuilding of a table on SQLite, so `models.migrating`
creates them anew after every run.
"""

from typing import Any

from models import sql

_CHANGED = (
    "OLD.body_folded <> NEW.body_folded OR (OLD.deleted_at IS NULL) <> (NEW.deleted_at IS NULL)"
)
_EVENTS = {
    "tr_review_text_inserted": ("INSERT", "NEW", None),
    "tr_review_text_updated": ("UPDATE OF body_folded, deleted_at", "NEW", _CHANGED),
    "tr_review_text_deleted": ("DELETE", "OLD", None),
}

_FUNCTION = """
CREATE OR REPLACE FUNCTION candor_text_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO search_waiting (review_id) VALUES (COALESCE(NEW.id, OLD.id));
  RETURN NULL;
END $$"""


async def bring_up_to_date(connection: Any) -> None:
    """Create the triggers that are missing."""
    postgres = sql.speaks_postgres(connection)
    found = (await connection.execute_query(_ON_POSTGRES if postgres else _ON_SQLITE))[1]
    missing = set(_EVENTS) - {row["name"] for row in found}
    if missing and postgres:
        await connection.execute_script(_FUNCTION)
    for name in sorted(missing):
        event, row, condition = _EVENTS[name]
        when = f" WHEN ({condition})" if condition else ""
        does = (
            "EXECUTE FUNCTION candor_text_changed()"
            if postgres
            else f"BEGIN INSERT INTO search_waiting (review_id) VALUES ({row}.id); END"
        )
        await connection.execute_script(
            f"CREATE TRIGGER {name} AFTER {event} ON review FOR EACH ROW{when} {does}"
        )


_ON_POSTGRES = "SELECT tgname AS name FROM pg_trigger WHERE tgrelid = 'review'::regclass"
_ON_SQLITE = "SELECT name FROM sqlite_master WHERE type = 'trigger'"

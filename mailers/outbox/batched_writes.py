"""Batch writer: changes of claimed mails, many in one statement.

Changes that arrive while a statement runs are written by the next one, in their order. None waits
for a batch to fill up, and each is confirmed when it is committed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from mailers.outbox.promise import milliseconds
from models import clock, sql
from models.database import transaction
from models.uuid7 import uuid7

_CLOSE_TIMEOUT = 2.0


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a mail, written only if this lease still holds."""

    id: UUID
    token: str
    # By the columns of `_TYPES`; the others stay as they are.
    values: dict[str, Any]

    @property
    def is_failed_attempt(self) -> bool:
        return bool(self.values.get("attempts")) and self.values.get("status") != "SENT"


Write = Callable[[Change], Awaitable[bool]]

# The columns that may be changed, and their types.
_TYPES = {
    "status": "text",
    "reason": "text",
    "finished_at": "bigint",
    "due_at": "bigint",
    "attempts": "int",
    "ambiguous": "int",
    "in_data": "boolean",
    "dated_at": "bigint",
    "address": "text",
    "lease_until": "bigint",
    "last_code": "int",
    "last_error": "text",
}

# A change without `lease_until` ends the claim.
_WRITE = """
WITH e (id, token, {names}) AS ({changes})
UPDATE outbox_mail AS m SET status = COALESCE(e.status, m.status), reason = e.reason,
  finished_at = e.finished_at, due_at = COALESCE(e.due_at, m.due_at),
  attempts = m.attempts + COALESCE(e.attempts, 0),
  ambiguous = m.ambiguous + COALESCE(e.ambiguous, 0),
  in_data = COALESCE(e.in_data, m.in_data), dated_at = COALESCE(e.dated_at, m.dated_at),
  address = COALESCE(e.address, m.address),
  last_code = CASE WHEN e.last_error IS NOT NULL THEN e.last_code
    WHEN m.last_error IS NOT NULL THEN m.last_code ELSE COALESCE(e.last_code, m.last_code) END,
  last_error = COALESCE(e.last_error, m.last_error), lease_until = e.lease_until,
  lease_token = CASE WHEN e.lease_until IS NULL THEN NULL ELSE m.lease_token END
FROM e WHERE m.id = e.id AND m.lease_token = e.token AND m.status = 'SENDING'
RETURNING {id} AS id"""

_NAMES = ", ".join(_TYPES)
_TYPED = ", ".join(f"{name} {kind}" for name, kind in _TYPES.items())
_WRITE_ON_POSTGRES = _WRITE.format(
    names=_NAMES,
    changes="SELECT * FROM jsonb_to_recordset(CAST(? AS jsonb))"
    f" AS j (id uuid, token text, {_TYPED})",
    id="m.id",
)

_INSERT_ATTEMPTS = "INSERT INTO mail_attempt (id, mail_id, failed_at, status, code, error) VALUES "


async def write(changes: list[Change]) -> set[UUID]:
    """Write all changes in one statement; the ids of those whose lease held.

    Failed attempts are stored in the same transaction.
    """
    failed = [change for change in changes if change.is_failed_attempt]
    if not failed:
        return await _write(changes)
    async with transaction():
        held = await _write(changes)
        await _insert_attempts([change for change in failed if change.id in held])
    return held


async def _insert_attempts(failed: list[Change]) -> None:
    moment = milliseconds(clock.now())
    values: list[Any] = []
    for change in failed:
        code, error = change.values.get("last_code"), change.values.get("last_error")
        values += [uuid7(), change.id, moment, change.values["status"], code, error]
    if values:
        rows = ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(failed))
        await sql.execute(_INSERT_ATTEMPTS + rows, *values)


async def _write(changes: list[Change]) -> set[UUID]:
    if sql.is_postgres():
        records = [{"id": str(each.id), "token": each.token, **each.values} for each in changes]
        rows = await sql.fetch(_WRITE_ON_POSTGRES, records)
    else:
        values: list[Any] = []
        for change in changes:
            values += [change.id, change.token, *map(change.values.get, _TYPES)]
        rows = await sql.fetch(_on_sqlite(len(changes)), *values)
    return {row["id"] for row in rows}


@cache
def _on_sqlite(count: int) -> str:
    row = f"({sql.places(['id', 'token', *_TYPES])})"
    return _WRITE.format(names=_NAMES, changes=f"VALUES {', '.join([row] * count)}", id="id")


async def write_one(change: Change) -> bool:
    """Write one change at once; False if the lease did not hold."""
    return change.id in await write([change])


_Pending = tuple[Change, asyncio.Future[bool]]


class BatchWriter:
    """Shared by all senders of a worker, so that their changes are written together."""

    def __init__(self) -> None:
        self._pending: list[_Pending] = []
        self._task: asyncio.Task[None] | None = None

    def submit(self, change: Change) -> asyncio.Future[bool]:
        """Queue a change. The future says whether its lease held, once it is committed."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._pending.append((change, future))
        if self._task is None:
            self._task = asyncio.create_task(self._write_pending())
        return future

    async def write(self, change: Change) -> bool:
        return await self.submit(change)

    async def close(self) -> None:
        """Wait a moment for pending changes."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=_CLOSE_TIMEOUT)

    async def _write_pending(self) -> None:
        try:
            while self._pending:
                await asyncio.sleep(0)  # other senders that are ready join this batch
                await self._commit(self._next_batch())
        finally:
            self._task = None

    def _next_batch(self) -> list[_Pending]:
        """At most one change of each mail: the statement returns ids of mails, not leases."""
        batch: list[_Pending] = []
        later: list[_Pending] = []
        ids: set[UUID] = set()
        for each in self._pending:
            (later if each[0].id in ids else batch).append(each)
            ids.add(each[0].id)
        self._pending = later
        return batch

    async def _commit(self, batch: list[_Pending]) -> None:
        try:
            held = await write([change for change, _ in batch])
        except Exception as error:  # noqa: BLE001 - drivers have many
            if len(batch) > 1:  # one bad change must not fail the others
                for each in batch:
                    await self._commit([each])
                return
            _, future = batch[0]
            if not future.done():
                future.set_exception(error)
                future.exception()  # its waiter may be gone: no "never retrieved" warning
            return
        for change, future in batch:
            if not future.done():
                future.set_result(change.id in held)

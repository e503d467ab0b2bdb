"""What workers write down of the mails that they hold: many entries in one statement.

Entries that come while a statement runs are written together by the next one, in the order in which
they came. Nobody waits for others to come along, and each entry is answered when it is committed.
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

_FAREWELL = 2.0


@dataclass(frozen=True, slots=True)
class Entry:
    """A change of a mail that holds only under this lease."""

    id: UUID
    token: str
    # By the names of `_TYPES`; what is not named stays as it is.
    changes: dict[str, Any]

    @property
    def failed(self) -> bool:
        """Whether a try was used up, and the relay did not take the mail."""
        return bool(self.changes.get("attempts")) and self.changes.get("status") != "SENT"


Write = Callable[[Entry], Awaitable[bool]]

# The columns that an entry may change, and their types.
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

# An entry without a lease lets the mail go.
_WRITE = """
WITH e (id, token, {names}) AS ({entries})
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
    entries="SELECT * FROM jsonb_to_recordset(CAST(? AS jsonb))"
    f" AS j (id uuid, token text, {_TYPED})",
    id="m.id",
)


_REMEMBER = "INSERT INTO mail_attempt (id, mail_id, failed_at, status, code, error) VALUES "


async def write(entries: list[Entry]) -> set[UUID]:
    """Write all entries in one statement; the ids of those whose lease held.

    Tries that failed are remembered in the same transaction.
    """
    failed = [entry for entry in entries if entry.failed]
    if not failed:
        return await _write(entries)
    async with transaction():
        held = await _write(entries)
        await _remember([entry for entry in failed if entry.id in held])
    return held


async def _remember(failed: list[Entry]) -> None:
    moment = milliseconds(clock.now())
    values = [
        value
        for entry in failed
        for value in (
            *(uuid7(), entry.id, moment, entry.changes["status"]),
            *(entry.changes.get("last_code"), entry.changes.get("last_error")),
        )
    ]
    if values:
        rows = ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(failed))
        await sql.execute(_REMEMBER + rows, *values)


async def _write(entries: list[Entry]) -> set[UUID]:
    if sql.is_postgres():
        rows = [{"id": str(entry.id), "token": entry.token, **entry.changes} for entry in entries]
        written = await sql.fetch(_WRITE_ON_POSTGRES, rows)
    else:
        values = [
            value
            for entry in entries
            for value in (entry.id, entry.token, *map(entry.changes.get, _TYPES))
        ]
        written = await sql.fetch(_on_sqlite(len(entries)), *values)
    return {row["id"] for row in written}


@cache
def _on_sqlite(entries: int) -> str:
    row = f"({sql.places(['id', 'token', *_TYPES])})"
    return _WRITE.format(names=_NAMES, entries=f"VALUES {', '.join([row] * entries)}", id="id")


async def alone(entry: Entry) -> bool:
    """Write one entry at once; False when the lease did not hold."""
    return entry.id in await write([entry])


_Asked = tuple[Entry, asyncio.Future[bool]]


class Ledger:
    """The one writer of a worker, so that what its senders write goes together."""

    def __init__(self) -> None:
        self._waiting: list[_Asked] = []
        self._writer: asyncio.Task[None] | None = None

    def put(self, entry: Entry) -> asyncio.Future[bool]:
        """Have an entry written; whether the lease held is known when it is committed."""
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, answer))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        return answer

    async def write(self, entry: Entry) -> bool:
        return await self.put(entry)

    async def close(self) -> None:
        """Wait a moment for what is being written."""
        if self._writer is not None:
            await asyncio.wait([self._writer], timeout=_FAREWELL)

    async def _write(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(0)  # whoever is just about to write comes along
                await self._commit(self._next_batch())
        finally:
            self._writer = None

    def _next_batch(self) -> list[_Asked]:
        """What waits, without second entries of one mail: the answer names mails, not leases."""
        batch: list[_Asked] = []
        later: list[_Asked] = []
        ids: set[UUID] = set()
        for each in self._waiting:
            (later if each[0].id in ids else batch).append(each)
            ids.add(each[0].id)
        self._waiting = later
        return batch

    async def _commit(self, batch: list[_Asked]) -> None:
        try:
            held = await write([entry for entry, _ in batch])
        except Exception as error:  # noqa: BLE001 - drivers have many
            if len(batch) > 1:  # one that cannot be written must not keep the others from it
                for each in batch:
                    await self._commit([each])
                return
            _, answer = batch[0]
            if not answer.done():
                answer.set_exception(error)
                answer.exception()  # whoever waited for it may be gone
            return
        for entry, answer in batch:
            if not answer.done():
                answer.set_result(entry.id in held)

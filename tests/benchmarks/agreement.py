"""Check, before anything is measured, that Candor and the baseline return the same bytes."""

import re
from typing import Any

import asyncpg
import orjson
from marketplace import Size, open_order, service_id
from operations import CARDS, Operation, cards, rating, review, storefront
from processes import Server

from candor.settings import Settings

# What Candor returns besides the data.
COST = re.compile(rb',"extensions":\{"cost":\{[^{}]*\}\}')
_GENERATED = re.compile(rb'"(id|createdAt)":"[^"]+"')
_STORED = """
SELECT o.external_id, r.rating, r.communication, r.quality, r.value, r.body, r.body_folded,
  r.verified, r.status, r.published_at = r.created_at AS published_at_once, r.helpful_count,
  r.service_id = o.service_id AND r.vendor_id = o.vendor_id AND r.customer_id = o.customer_id AS fits,
  now() - r.created_at < '1 minute' AS is_new,
  (SELECT json_agg(json_build_array(m.mail, m.audience, m.recipient, m.address, m.subject_type,
      m.params, m.status, m.reason, m.expires_at - m.due_at, m.due_at = m.created_at,
      m.finished_at IS NOT NULL, m.attempts, m.ambiguous, m.in_data,
      split_part(m.dedupe_key, ':', 1),
      split_part(m.dedupe_key, ':', 2) = replace(m.subject_id::text, '-', ''),
      right(m.dedupe_key, 34)) ORDER BY m.mail)
    FROM outbox_mail m WHERE m.subject_id IN (o.id, r.id)) AS mails,
  (SELECT json_agg(json_build_array(n.audience, n.recipient, n.kind, n.subject_type, n.read_at,
      n.created_at - r.created_at < '1 second', split_part(n.event_key, ':', 1), right(n.event_key, 34)))
    FROM notification n WHERE n.subject_id IN (o.id, r.id)) AS notices
FROM orders o JOIN review r ON r.order_id = o.id WHERE o.external_id = ANY($1)
ORDER BY o.external_id"""


def check_reads(candor: Server, baseline: Server, size: Size) -> int:
    """Compare pages of ordinary and special services, and some next pages. Returns their number."""
    services = [*size.special.values(), service_id(1), service_id(7), "NOBODY"]
    operations = [make(service) for service in services for make in (storefront, rating)]
    operations.append(cards([service_id(number) for number in range(CARDS - 3)] + services[2:5]))
    for operation in operations:
        _compare(candor, baseline, operation)
    for service in services[:3]:
        _compare(candor, baseline, storefront(service, after=_end(candor, service)))
    return len(operations) + 3


async def check_writes(
    candor: Server,
    baseline: Server,
    size: Size,
    settings: Settings,
    connection: asyncpg.Connection,
) -> None:
    """Let each review one of the last two open orders; compare the responses and stored rows."""
    numbers = (size.open_orders - 2, size.open_orders - 1)
    ours, theirs = (review(size, number, settings) for number in numbers)
    responses = [_data_of(candor, ours.to_candor()), baseline.send(theirs.to_baseline())]
    _same("createReview", *(_GENERATED.sub(rb'"\1":""', each) for each in responses))
    orders = [open_order(size, number)[0] for number in numbers]
    rows = [dict(row) for row in await connection.fetch(_STORED, orders)]
    if len(rows) != 2:
        raise SystemExit(f"Only {len(rows)} of two reviews were stored.\n{responses}")
    for row in rows:
        del row["external_id"]
    _same("the rows of createReview", *(orjson.dumps(row) for row in rows))


def _data_of(server: Server, request: bytes) -> bytes:
    return COST.sub(b"", server.send(request))


def _compare(candor: Server, baseline: Server, operation: Operation) -> None:
    _same(
        f"{operation.name} with {operation.variables}",
        _data_of(candor, operation.to_candor()),
        baseline.send(operation.to_baseline()),
    )


def _same(what: str, candor: bytes, baseline: bytes) -> None:
    if candor != baseline:
        raise SystemExit(
            f"Nothing is measured, because the responses differ: {what}\n"
            f"Candor:   {candor.decode()}\nbaseline: {baseline.decode()}"
        )


def _end(candor: Server, service: str) -> str:
    response: dict[str, Any] = orjson.loads(candor.send(storefront(service).to_candor()))
    return response["data"]["service"]["reviews"]["pageInfo"]["endCursor"]

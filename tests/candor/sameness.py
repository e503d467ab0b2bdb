"""A small marketplace, and the comparison of our execution with the stock executor."""

import asyncio
import os
from typing import Any

import orjson
from graphql import parse

from candor.engine.documents import Operation, document_of
from candor.engine.execution import Execution
from models import sql
from resolvers.viewer import ANONYMOUS, Role, Viewer
from schema import ids
from schema.api import schema
from schema.context import Context
from tests.candor.random_documents import World

# Compare this many answers to random operations; 0: to a small fixed set.
FUZZ = int(os.environ.get("CANDOR_TEST_FUZZ", "0"))
# Answers per operation: two sets of variables for four viewers.
ANSWERS = 8
STOCK, COMPILED = Execution(compiled=False), Execution(compiled=True)
SUB_RATINGS = {"communication": 4, "quality": 5, "value": None}


async def seed(review, feed, maria, carl, nina, ada, sam, open_update, solve) -> None:
    """Reviews in every state, with replies, votes and revisions, and updates in every state."""
    first = await review("ORDER-1", **SUB_RATINGS)
    await maria.do("editReview", reviewId=first["id"], rating=4, body="Good work after all.")
    await nina.do("replyToReview", reviewId=first["id"], body="Thank you!")
    await carl.do("voteHelpful", reviewId=first["id"])
    await review("ORDER-2", carl, rating=2, body="Nobody answered me for a week.")
    await ada.do("updateSettings", reviewModeration=True)
    rejected = await review("ORDER-3", rating=1, body="Buy cheap watches here!")
    await ada.do("rejectReview", reviewId=rejected["id"], reason="SPAM", note="An advertisement.")
    await review("ORDER-4", rating=3)
    await feed("ORDER-5", status="IN_PROGRESS", completedAt=None)
    other = {"externalId": "OMAR", "displayName": "Omar", "email": "omar@example.com"}
    await feed(
        "ORDER-6", vendor=other, service={"externalId": "SONG", "title": "A song", "url": None}
    )
    await open_update("ORDER-1", customerVisible=False, title="Check the invoice")
    solved = await open_update("ORDER-2")
    await sam.do("postNote", updateId=solved["id"], body="On its way.")
    await solve(solved, notifyCustomer=True)
    rated = await solve(await open_update("ORDER-4"))
    await maria.do("rateUpdate", updateId=rated["id"], stars=5, comment="Quick!")


TABLES = {
    "MailDelivery": "outbox_mail",
    "Note": "update_note",
    "Notification": "notification",
    "Order": "orders",
    "OrderUpdate": "order_update",
    "Review": "review",
    "Service": "service",
    "TeamMember": "team_member",
    "TrackingEvent": "tracking_event",
    "Vendor": "vendor",
}


async def world_of(ada) -> World:
    known = {
        name: [
            ids.encode(name, row["id"])
            for row in await sql.fetch(f"SELECT id FROM {table} ORDER BY id")
        ]
        for name, table in TABLES.items()
    }
    pages = ["reviews", "services", "orderUpdates", "trackingLog"]
    selections = (f"{page}(first: 3) {{ __typename edges {{ cursor }} }}" for page in pages)
    found = (await ada.ask(f"{{ {' '.join(selections)} }}")).values()
    names = {"Service": ["LOGO", "SONG"], "Vendor": ["NINA", "OMAR"]}
    names["Order"] = names["ReviewEligibility"] = [f"ORDER-{number}" for number in range(1, 7)]
    return World(
        known | {"nothing": ["no id"]},
        names | {"nothing": ["", "NOBODY"]},
        {page["__typename"]: [edge["cursor"] for edge in page["edges"]] for page in found}
        | {"nothing": ["no cursor"]},
    )


VIEWERS = {
    "a stranger": ANONYMOUS,
    "Maria": Viewer(Role.CUSTOMER, "MARIA", "Maria Souza"),
    "Carl": Viewer(Role.CUSTOMER, "CARL", "Carl Weber"),
    "Nina": Viewer(Role.VENDOR, "NINA", "Nina", vendor="NINA"),
    "Omar": Viewer(Role.VENDOR, "OMAR", "Omar", vendor="OMAR"),
    "Sam": Viewer(Role.STAFF, "SAM", "Sam"),
    "Ada": Viewer(Role.ADMIN, "ADA", "Ada"),
    "the shop": Viewer(Role.INTEGRATION, "shop", scopes=frozenset({"ORDERS_WRITE"})),
}
# Guests, and the rows that their links open.
GUESTS = {"a guest of an order": "order_id", "a guest of an update": "update_id"}


def viewer_of(name: str, world: World) -> Viewer:
    if name in VIEWERS:
        return VIEWERS[name]
    opened = world.ids["Order" if GUESTS[name] == "order_id" else "OrderUpdate"][1]
    return Viewer(Role.GUEST, **{GUESTS[name]: ids.decode(opened)[1]})


def everybody(world: World) -> list[Viewer]:
    return [viewer_of(name, world) for name in [*VIEWERS, *GUESTS]]


def operation_of(text: str, name: str | None = None) -> Operation:
    found = document_of(schema._schema, parse(text)).operations
    return next(each for each in found if name in {None, each.name})


async def answer_of(
    execution: Execution, operation: Operation, variables: Any, viewer: Viewer
) -> str:
    async with asyncio.timeout(20):
        context = Context(viewer, operation.selections)
        result, _ = await execution.execute(operation, variables, context)
    errors = sorted(repr((e.path, e.message, e.locations)) for e in result.errors or ())
    # Serialized, since 1, 1.0 and true are equal in Python.
    return f"{orjson.dumps(result.data).decode()} {errors}"


async def compare(text: str, variables: list[dict[str, Any]], viewers: list[Viewer]) -> None:
    """One plan answers all of them; the stock executor collects the fields each time again."""
    compiled = operation_of(text)
    for viewer in viewers:
        for values in variables:
            expected = await answer_of(STOCK, operation_of(text), values, viewer)
            ours = await answer_of(COMPILED, compiled, values, viewer)
            assert ours == expected, f"{viewer.role} {values}\n{text}"

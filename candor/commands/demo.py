"""A small demo marketplace: people, orders, reviews and updates with recent dates."""

from datetime import datetime, timedelta
from itertools import count

import mailers
from candor.imports.importing import OPERATOR
from models import MailStatus, Order, OrderStatus, OutboxMail, Review, Vendor, clock
from resolvers import (
    order_feed,
    review_import,
    review_replies,
    update_notes,
    update_opening,
    update_ratings,
    update_solves,
)
from resolvers.order_facts import OrderFacts, PersonFacts, ServiceFacts
from resolvers.ref import Ref
from resolvers.review_import import ReviewFacts
from resolvers.viewer import Role, Viewer

CUSTOMER, VENDOR, TEAM_MEMBER, ADMIN = "CUST-1", "VEND-1", "TEAM-1", "ADMIN-1"
# Completed and not reviewed yet; the README's mutation reviews it.
OPEN_ORDER = "ORDER-1001"

_VENDORS = {
    "VEND-1": ("Atelier Nord", "atelier.nord@example.com"),
    "VEND-2": ("Pixel & Sons", "pixel@example.com"),
    "VEND-3": ("Word by Word", "words@example.com"),
}
_SERVICES = [
    ("SERV-1", "VEND-1", "A logo for your shop"),
    ("SERV-2", "VEND-1", "A complete corporate identity"),
    ("SERV-3", "VEND-2", "A landing page in a week"),
    ("SERV-4", "VEND-2", "Accessibility audit of your site"),
    ("SERV-5", "VEND-3", "Product texts that sell"),
    ("SERV-6", "VEND-3", "Translation, English to German"),
]
_CUSTOMERS = {
    "CUST-1": "Maria Souza",
    "CUST-2": "Carl Weber",
    "CUST-3": "Aiko Tanaka",
    "CUST-4": "Fatima El Amrani",
    "CUST-5": "Jonas Lind",
}
_REVIEWS = [
    (5, "Exactly what we had in mind, and two days early."),
    (5, "Clear questions, quick answers, a beautiful result."),
    (4, "Good work. One more round of changes would have been nice."),
    (5, "Our customers noticed the difference at once."),
    (3, "Solid, but it took longer than promised."),
    (4, "Friendly and professional from start to finish."),
    (2, "The result did not match the brief; the second try did."),
    (5, "I will order again, no doubt about it."),
]
_REPLIES = {3: "Thank you for your patience. We plan with more reserve now."}


async def load() -> bool:
    """Fill a database that has no orders. Returns whether anything was loaded."""
    if await Order.exists():
        return False
    now = clock.now()
    orders = list(_orders(now))
    await order_feed.upsert_orders(OPERATOR, [facts for facts, _ in orders], history=True)
    written = [
        ReviewFacts(
            facts.external_id,
            {
                "rating": rating,
                "body": body,
                "communication": min(5, rating + 1),
                "quality": rating,
            },
            (facts.completed_at or now) + timedelta(hours=20),
        )
        for facts, (rating, body) in orders
        if facts.status is OrderStatus.COMPLETED and facts.external_id != OPEN_ORDER
    ]
    await review_import.import_reviews(OPERATOR, written, declared=True)
    await _write_replies()
    await _write_updates()
    await OutboxMail.filter(status=MailStatus.SCHEDULED).update(
        status=MailStatus.CANCELLED, reason="the demo mails nobody"
    )
    return True


def _orders(now: datetime) -> list[tuple[OrderFacts, tuple[int, str]]]:
    numbers = count(1001)
    orders = []
    for place, (customer, service, review) in enumerate(
        (c, s, _REVIEWS[(i + 3 * j) % len(_REVIEWS)])
        for j, c in enumerate(_CUSTOMERS)
        for i, s in enumerate(_SERVICES)
    ):
        status = OrderStatus.IN_PROGRESS if place % 11 == 5 else OrderStatus.COMPLETED
        service_id, vendor_id, title = service
        name, email = _VENDORS[vendor_id]
        mailbox = _CUSTOMERS[customer].lower().replace(" ", ".")
        facts = OrderFacts(
            external_id=f"ORDER-{next(numbers)}",
            status=status,
            completed_at=None
            if status is OrderStatus.IN_PROGRESS
            else now - timedelta(days=2 + place % 25),
            customer=PersonFacts(customer, _CUSTOMERS[customer], f"{mailbox}@example.com"),
            vendor=PersonFacts(vendor_id, name, email),
            service=ServiceFacts(service_id, title, f"https://shop.example/services/{service_id}"),
        )
        orders.append((facts, review))
    return orders


async def _write_updates() -> None:
    """Three updates: one open, one solved that Maria can rate, one rated."""
    maria, carl = (Viewer(Role.CUSTOMER, customer) for customer in (CUSTOMER, "CUST-2"))
    sam = Viewer(Role.STAFF, TEAM_MEMBER, display_name="Sam Okafor")
    await update_opening.open_update(
        maria, order=Ref(external_id="ORDER-1002"), title="When will the second draft come?"
    )
    for customer, order, title in (
        (maria, "ORDER-1003", "The invoice shows the wrong address"),
        (carl, "ORDER-1008", "Could you send the files as SVG?"),
    ):
        update = await update_opening.open_update(
            customer, order=Ref(external_id=order), title=title
        )
        await update_notes.post_note(sam, update_id=update.id, body="Done. Please have a look.")
        await update_solves.solve_update(sam, update_id=update.id, notify_customer=True)
    await update_ratings.rate_update(
        carl, update_id=update.id, stars=5, comment="Quick and friendly, thank you!"
    )


async def _write_replies() -> None:
    for review in await Review.filter(rating__in=list(_REPLIES)):
        vendor = await Vendor.get(id=review.vendor_id)
        seller = Viewer(Role.VENDOR, vendor.external_id, vendor=vendor.external_id)
        await review_replies.reply_to_review(
            seller, review_id=review.id, body=_REPLIES[review.rating]
        )
        await mailers.withdraw("review.replied", about=review.id, because="it is of the demo")

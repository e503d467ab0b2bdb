"""What we write about reviews. Each function looks at the world as it is when the mail leaves."""

from datetime import datetime
from typing import Any
from uuid import UUID

from mailers.facts import OrderFacts, ReviewFacts
from mailers.mail import NO_ADDRESS, Mail, Person, Skipped
from mailers.rendering import render
from mailers.site import Site
from models import (
    Customer,
    Order,
    OrderStatus,
    Review,
    ReviewStatus,
    Service,
    Vendor,
    clock,
    web_address,
)
from models.review_window import Window, window


async def received(site: Site, review_id: UUID, **_params: Any) -> Mail | Skipped:
    """To the vendor, once the review is public."""
    review = await _review(review_id)
    if review is None or not review.is_public:
        return _not_public(review)
    return _to(review.vendor, "review.received", site, review=_facts(review))


async def replied(site: Site, review_id: UUID, **_params: Any) -> Mail | Skipped:
    """To the author, with the vendor's answer."""
    review = await _review(review_id)
    if review is None or not review.is_public:
        return _not_public(review)
    if review.reply_body is None:
        return Skipped("the reply is gone")
    return _to(review.customer, "review.replied", site, review=_facts(review))


async def published(site: Site, review_id: UUID, **_params: Any) -> Mail | Skipped:
    """To the author, when moderation had held the review."""
    review = await _review(review_id)
    if review is None or not review.is_public:
        return _not_public(review)
    return _to(review.customer, "review.published", site, review=_facts(review))


async def rejected(site: Site, review_id: UUID, **_params: Any) -> Mail | Skipped:
    """To the author, with the reason, and the way to another try while the window is open."""
    review = await _review(review_id)
    if review is None or review.deleted_at is not None:
        return Skipped("the review is gone")
    if review.status is not ReviewStatus.REJECTED:
        return Skipped("the review is not rejected any more")
    link = None if _is_over(review.order, site) else _link(review.order, review.service, site)
    return _to(review.customer, "review.rejected", site, review=_facts(review, link))


async def reminder(
    site: Site, order_id: UUID, *, completed_at: str | None = None, **_params: Any
) -> Mail | Skipped:
    """To the customer of a completed order that nobody has reviewed yet.

    `completed_at`, when it was promised with one, names the completion that it belongs to.
    """
    order = await Order.get_or_none(id=order_id).select_related("customer", "vendor", "service")
    if order is None:
        return Skipped("the order is gone")
    reason = await _why_not_remind(site, order, completed_at)
    if reason is not None:
        return Skipped(reason)
    open_until = _window(order, site)
    facts = OrderFacts(
        order_number=order.external_id,
        service_title=order.service.title,
        vendor_name=order.vendor.display_name,
        link=_link(order, order.service, site),
        last_day=open_until.last_day if open_until else None,
    )
    return _to(order.customer, "review.reminder", site, order=facts)


async def _why_not_remind(site: Site, order: Order, completed_at: str | None) -> str | None:
    status = order.status.value.lower().replace("_", " ")
    again = completed_at and datetime.fromisoformat(completed_at) != order.completed_at
    reasons = {
        "reminders are switched off": not site.settings.review_reminder_enabled,
        "reminders are not allowed for this order": not order.reminders_allowed,
        f"the order is {status}": order.status is not OrderStatus.COMPLETED,
        "nobody knows when the order was completed": order.completed_at is None,
        "the order was completed again": again,
        "the vendor bought the own service": order.customer.external_id == order.vendor.external_id,
        "the order has a review": await Review.filter(order_id=order.id).exists(),
        "the review window is closed": _is_over(order, site),
    }
    return next((reason for reason, applies in reasons.items() if applies), None)


async def _review(review_id: UUID) -> Review | None:
    related = ("order", "service", "vendor", "customer")
    return await Review.get_or_none(id=review_id).select_related(*related)


def _not_public(review: Review | None) -> Skipped:
    gone = review is None or review.deleted_at is not None
    return Skipped("the review is gone" if gone else "the review is not public")


def _to(to: Customer | Vendor, mail: str, site: Site, **facts: Any) -> Mail | Skipped:
    if not to.email:
        return NO_ADDRESS
    return render(mail, site=site, to=Person(to.display_name, to.email, to.locale), **facts)


def _facts(review: Review, link: str | None = None) -> ReviewFacts:
    return ReviewFacts(
        order_number=review.order.external_id,
        service_title=review.service.title,
        service_url=_web_address(review.service.url),
        vendor_name=review.vendor.display_name,
        author_name=review.customer.public_name,
        rating=review.rating,
        body=review.body,
        reply=review.reply_body,
        reason=review.rejection_reason and review.rejection_reason.value,
        note=review.moderation_note,
        link=link,
    )


def _web_address(url: str | None) -> str | None:
    try:
        web_address.check(url or "")
    except ValueError:
        return None
    return url


def _window(order: Order, site: Site) -> Window | None:
    if order.completed_at is None:
        return None
    settings = site.settings
    return window(order.completed_at, settings.review_window_days, settings.time_zone)


def _is_over(order: Order, site: Site) -> bool:
    open_until = _window(order, site)
    return open_until is not None and open_until.closes_at <= clock.now()


def _link(order: Order, service: Service, site: Site) -> str:
    open_until = _window(order, site)
    return site.review_link(
        order_id=order.id,
        order_number=order.external_id,
        service_number=service.external_id,
        version=order.link_version,
        closes_at=open_until.closes_at if open_until else None,
    )

"""Mailers about reviews. Each reads the current rows when the mail leaves."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise.models import Model

from mailers.letters.rendering import render
from mailers.letters.site import Site
from mailers.letters.team_person import team_person
from mailers.letters.template_values import OrderValues, ReviewValues, WaitingValues
from mailers.mail import NO_ADDRESS, Mail, Person, Skipped
from models import (
    Customer,
    Order,
    OrderStatus,
    Review,
    ReviewStatus,
    Service,
    Vendor,
    clock,
    review_window,
    sql,
    web_address,
)
from models.person import ADDRESSED
from models.review import MAIN, ReviewContent
from models.review_window import Window
from models.service import SERVICE_PUBLIC

# The columns of each row that the mails print or the guards check.
_REVIEW = (
    *("id", "status", "published_at", "deleted_at", *MAIN, "reply_body"),
    *("rejection_reason", "moderation_note"),
)
_ORDER = (
    *("id", "external_id", "status", "completed_at", "reminders_allowed", "link_version"),
    *("vendor_id", "contact_email"),
)
_CUSTOMER = (*ADDRESSED, "email_from")

_PARTIES = f"""{sql.columns(Order, "o", "order_", only=_ORDER)},
  {sql.columns(Customer, "c", "customer_", only=_CUSTOMER)},
  {sql.columns(Vendor, "v", "vendor_", only=ADDRESSED)},
  {sql.columns(Service, "s", "service_", only=SERVICE_PUBLIC)}"""

_REVIEWS = f"""
SELECT {sql.columns(Review, "r", "review_", only=_REVIEW)}, {_PARTIES}
FROM review r JOIN orders o ON o.id = r.order_id JOIN customer c ON c.id = r.customer_id
JOIN vendor v ON v.id = r.vendor_id JOIN service s ON s.id = r.service_id WHERE r.id IN"""

_ORDERS = f"""
SELECT {_PARTIES}, EXISTS (SELECT 1 FROM review r WHERE r.order_id = o.id) AS has_review
FROM orders o JOIN customer c ON c.id = o.customer_id JOIN vendor v ON v.id = o.vendor_id
JOIN service s ON s.id = o.service_id WHERE o.id IN"""

_TYPES = (
    sql.types_of(Review, "review_")
    | sql.types_of(Order, "order_", has_review=bool)
    | sql.types_of(Customer, "customer_")
    | sql.types_of(Vendor, "vendor_")
    | sql.types_of(Service, "service_")
)


async def received(site: Site, review_id: UUID, **_params: Any) -> Mail | Skipped:
    """To the vendor, when the review is public."""
    review = await _review(site, review_id)
    if review is None or not review.is_public:
        return _not_public(review)
    return _to_vendor(review, "review.received", site, review=_for_vendor(site, review))


async def replied(site: Site, review_id: UUID, **_params: Any) -> Mail | Skipped:
    """To the author, with the vendor's reply."""
    review = await _review(site, review_id)
    if review is None or not review.is_public:
        return _not_public(review)
    if review.reply_body is None:
        return Skipped("the reply is gone")
    return _to_author(review, "review.replied", site, review=_values(review))


async def published(site: Site, review_id: UUID, **_params: Any) -> Mail | Skipped:
    """To the author, after moderation approved the review."""
    review = await _review(site, review_id)
    if review is None or not review.is_public:
        return _not_public(review)
    return _to_author(review, "review.published", site, review=_values(review))


async def rejected(site: Site, review_id: UUID, **_params: Any) -> Mail | Skipped:
    """To the author, with the reason, and a link to try again."""
    review = await _review(site, review_id)
    if review is None or review.deleted_at is not None:
        return Skipped("the review is gone")
    if review.status is not ReviewStatus.REJECTED:
        return Skipped("the review is not rejected any more")
    link = _link_to_edit(review, site)
    return _to_author(review, "review.rejected", site, review=_values(review, link))


async def edit_rejected(
    site: Site, review_id: UUID, *, refused: dict[str, Any], **_params: Any
) -> Mail | Skipped:
    """To the author: why an edit was refused, its words, and a link to try again."""
    review = await _review(site, review_id)
    if review is None or not review.is_public:
        return _not_public(review)
    link = _link_to_edit(review, site)
    values = replace(_values(review, link), **{"reply": None} | refused)
    return _to_author(review, "review.edit_rejected", site, review=values)


async def withdrawn(site: Site, review_id: UUID, **_params: Any) -> Mail | Skipped:
    """To the author: a public review was rejected, or is looked at again."""
    review = await _review(site, review_id)
    if review is None or review.deleted_at is not None:
        return Skipped("the review is gone")
    if review.is_public:
        return Skipped("the review is public again")
    is_rejected = review.status is ReviewStatus.REJECTED
    link = _link_to_edit(review, site) if is_rejected else None
    return _to_author(review, "review.withdrawn", site, review=_values(review, link))


async def deleted(site: Site, review_id: UUID, *, reason: str, **_params: Any) -> Mail | Skipped:
    """To the author, with the admin's reason."""
    review = await _review(site, review_id)
    if review is None:
        return Skipped("the review is gone")
    return _to_author(review, "review.deleted", site, review=replace(_values(review), why=reason))


async def reply_deleted(
    site: Site, review_id: UUID, *, reason: str, **_params: Any
) -> Mail | Skipped:
    """To the vendor, with the admin's reason."""
    review = await _review(site, review_id)
    if review is None or review.deleted_at is not None:
        return Skipped("the review is gone")
    values = replace(_for_vendor(site, review), why=reason)
    return _to_vendor(review, "reply.deleted", site, review=values)


async def edited(site: Site, review_id: UUID, **_params: Any) -> Mail | Skipped:
    """To the vendor, when the changed review is public."""
    review = await _review(site, review_id)
    if review is None or not review.is_public:
        return _not_public(review)
    return _to_vendor(review, "review.edited", site, review=_for_vendor(site, review))


async def edited_by_admin(
    site: Site, review_id: UUID, *, edited_at: str, **_params: Any
) -> Mail | Skipped:
    """To the author, with the version before this edit and the one after it."""
    review = await _review(site, review_id)
    if review is None or review.deleted_at is not None:
        return Skipped("the review is gone")
    when = datetime.fromisoformat(edited_at)
    versions = await site.reads.replaced_since(review.id, when)
    if not versions or versions[0].replaced_at != when:
        return Skipped("the earlier version is gone")
    before, after = versions[0], versions[1] if len(versions) > 1 else review
    values = replace(_written(_values(review), after), before=_written(_values(review), before))
    return _to_author(review, "review.edited_by_admin", site, review=values)


async def pending(
    site: Site, _review_id: UUID, *, member: str | None = None, **_params: Any
) -> Mail | Skipped:
    """To a moderator or admin, else to the admin address: the reviews that wait by now."""
    to = await team_person(site, member)
    if isinstance(to, Skipped):
        return to
    number, newest = await site.reads.waiting()
    if not newest:
        return Skipped("no review waits any more")
    missing = [each for each in newest if site.rows.get(each) is None]
    by_id = site.rows | (await reviews(missing) if missing else {})
    found = [by_id[each] for each in newest if by_id.get(each) is not None]
    link = site.team_review(found[0] if number == 1 else None)
    shown = [_written(_values(each), newest[each.id] or each) for each in found]
    return _to(to, "review.pending", site, waiting=WaitingValues(number, shown, link))


async def reminder(
    site: Site, order_id: UUID, *, completed_at: str | None = None, **_params: Any
) -> Mail | Skipped:
    """To the customer of a completed order that nobody has reviewed yet.

    With `completed_at`, only if that is still the order's completion.
    """
    rows = site.rows if order_id in site.rows else await orders([order_id])
    row: tuple[Order, bool] | None = rows.get(order_id)
    if row is None:
        return Skipped("the order is gone")
    order, has_review = row
    reason = _reason_not_to_remind(site, order, completed_at, has_review=has_review)
    if reason is not None:
        return Skipped(reason)
    open_until = review_window.deadline(order.completed_at, site.settings)
    values = OrderValues(
        order_number=order.external_id,
        service_title=order.service.title,
        vendor_name=order.vendor.display_name,
        link=_link(order, order.service, site, open_until),
        last_day=open_until.last_day if open_until else None,
    )
    return _to_customer(order, order.customer, "review.reminder", site, order=values)


def _reason_not_to_remind(
    site: Site, order: Order, completed_at: str | None, *, has_review: bool
) -> str | None:
    status = order.status.value.lower().replace("_", " ")
    again = completed_at and datetime.fromisoformat(completed_at) != order.completed_at
    reasons = {
        "reminders are not allowed for this order": not order.reminders_allowed,
        f"the order is {status}": order.status is not OrderStatus.COMPLETED,
        "nobody knows when the order was completed": order.completed_at is None,
        "the order was completed again": again,
        "the vendor bought the own service": order.is_own_service,
        "the order has a review": has_review,
        "the review window is closed": _is_over(order, site),
    }
    return next((reason for reason, applies in reasons.items() if applies), None)


async def reviews(ids: list[UUID]) -> dict[UUID, Review]:
    """Reviews with all rows that their mails print, by id."""
    rows = await sql.fetch(f"{_REVIEWS} ({sql.places(ids)})", *ids, types=_TYPES)
    by_id = {}
    for row in rows:
        related = _parties(row) | {"order": sql.joined(Order, row, "order_")}
        by_id[row["review_id"]] = sql.joined(Review, row, "review_", **related)
    return by_id


async def waiting(_ids: list[UUID]) -> dict[UUID, Review]:
    """Nothing: the mail about waiting reviews reads all of them itself."""
    return {}


async def orders(ids: list[UUID]) -> dict[UUID, tuple[Order, bool]]:
    """Orders with their parties, and whether each has a review, by id."""
    rows = await sql.fetch(f"{_ORDERS} ({sql.places(ids)})", *ids, types=_TYPES)
    by_id = {}
    for row in rows:
        order = sql.joined(Order, row, "order_", **_parties(row))
        by_id[order.id] = order, row["has_review"]
    return by_id


def _parties(row: sql.Row) -> dict[str, Model]:
    return {
        "customer": sql.joined(Customer, row, "customer_"),
        "vendor": sql.joined(Vendor, row, "vendor_"),
        "service": sql.joined(Service, row, "service_"),
    }


async def _review(site: Site, review_id: UUID) -> Review | None:
    rows = site.rows if review_id in site.rows else await reviews([review_id])
    review: Review | None = rows.get(review_id)
    return review


def _not_public(review: Review | None) -> Skipped:
    gone = review is None or review.deleted_at is not None
    return Skipped("the review is gone" if gone else "the review is not public")


def _to_vendor(review: Review, kind: str, site: Site, /, **values: Any) -> Mail | Skipped:
    vendor = review.vendor
    return _to(Person(vendor.display_name, vendor.email, vendor.locale), kind, site, **values)


def _to_author(review: Review, kind: str, site: Site, /, **values: Any) -> Mail | Skipped:
    return _to_customer(review.order, review.customer, kind, site, **values)


def _to_customer(
    order: Order, customer: Customer, kind: str, site: Site, /, **values: Any
) -> Mail | Skipped:
    address = order.address_of(customer)
    return _to(Person(customer.display_name, address, customer.locale), kind, site, **values)


def _to(to: Person, kind: str, site: Site, **values: Any) -> Mail | Skipped:
    return render(kind, site=site, to=to, **values) if to.address else NO_ADDRESS


def _values(review: Review, link: str | None = None) -> ReviewValues:
    return ReviewValues(
        order_number=review.order.external_id,
        service_title=review.service.title,
        service_url=_web_address(review.service.url),
        vendor_name=review.vendor.display_name,
        author_name=review.customer.public_name,
        **{name: getattr(review, name) for name in MAIN},
        reply=review.reply_body,
        reason=review.reason and review.reason.value,
        note=review.moderation_note,
        link=link,
    )


def _for_vendor(site: Site, review: Review) -> ReviewValues:
    return _values(review, site.vendor_review(review))


def _written(values: ReviewValues, version: ReviewContent) -> ReviewValues:
    """The values with what this version says."""
    return replace(values, **{name: getattr(version, name) for name in MAIN})


def _web_address(url: str | None) -> str | None:
    try:
        return web_address.checked(url or "")
    except ValueError:
        return None


def _is_over(order: Order, site: Site) -> bool:
    return not review_window.is_open(order.completed_at, site.settings, clock.now())


def _link_to_edit(review: Review, site: Site) -> str | None:
    """Where the author edits the review; None when they may not any more, or not for now."""
    until = review_window.edit_deadline(review.published_at, site.settings)
    is_over = until is not None and not until.is_open(clock.now())
    if is_over or review.order.status is OrderStatus.DISPUTED:
        return None
    return _link(review.order, review.service, site, until)


def _link(order: Order, service: Service, site: Site, open_until: Window | None) -> str:
    return site.review_link(
        order_id=order.id,
        order_number=order.external_id,
        service_number=service.external_id,
        version=order.link_version,
        closes_at=open_until.closes_at if open_until else None,
    )

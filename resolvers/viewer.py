"""Who is asking, and what that person may see."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from models import OrderStatus, OrderUpdateStatus, Review, ReviewStatus, Scope, sql
from resolvers.errors import Forbidden, Unauthenticated


class Role(StrEnum):
    ANONYMOUS = "ANONYMOUS"
    CUSTOMER = "CUSTOMER"
    GUEST = "GUEST"
    VENDOR = "VENDOR"
    STAFF = "STAFF"
    ADMIN = "ADMIN"
    INTEGRATION = "INTEGRATION"


# Who sees of reviews what everybody sees.
SEE_PUBLIC_ALONE = {Role.ANONYMOUS, Role.INTEGRATION}
_PEOPLE = {Role.CUSTOMER, Role.VENDOR, Role.STAFF, Role.ADMIN}


class Condition(NamedTuple):
    """A condition in SQL and the values of its question marks."""

    text: str
    values: tuple[object, ...] = ()


@dataclass(frozen=True)
class Viewer:
    """Whom the server takes the caller for: by a token, a key or a link, never by input."""

    role: Role = Role.ANONYMOUS
    # The person's id in the marketplace, or an API key's name.
    external_id: str | None = None
    display_name: str | None = None
    # The vendor's id in the marketplace: whom a VENDOR acts for, or the one a key is bound to.
    vendor: str | None = None
    scopes: frozenset[str] = frozenset()
    # Where the person's mails go, as the token says; the team is known by tokens alone.
    email: str | None = None
    # What a GUEST's link opens: one order, or one update of it and nothing else.
    order_id: UUID | None = None
    update_id: UUID | None = None
    # Which solve of the update the link was made for.
    solve_number: int | None = None

    @property
    def is_person(self) -> bool:
        """Signed in as somebody, with an id of their own."""
        return self.role in _PEOPLE

    @property
    def feeds_orders(self) -> bool:
        """A key that writes orders, and so may see them."""
        return Scope.ORDERS_WRITE in self.scopes

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN

    @property
    def is_team(self) -> bool:
        return self.role in {Role.STAFF, Role.ADMIN}

    def must_be_admin(self) -> None:
        if self.role is Role.ANONYMOUS:
            raise Unauthenticated
        if not self.is_admin:
            raise Forbidden(message="Only an admin may do this.")

    def must_be_team(self) -> None:
        if self.role is Role.ANONYMOUS:
            raise Unauthenticated
        if not self.is_team:
            raise Forbidden(message="Only the team may do this.")

    def sells_as(self, vendor: str) -> bool:
        """Whether the viewer acts for this vendor, or shops under the vendor's very id."""
        return vendor in {self.vendor, self.external_id}

    def is_vendor(self, external_id: str) -> bool:
        return self.role is Role.VENDOR and self.vendor == external_id


ANONYMOUS = Viewer()

_OWN = "(SELECT id FROM customer WHERE external_id = ?)"
_OF_VENDOR = "o.vendor_id = (SELECT id FROM vendor WHERE external_id = ?)"
# On until an admin says otherwise.
_VENDORS_SEE_UPDATES = (
    "COALESCE((SELECT vendors_see_updates FROM site_settings WHERE \"key\" = 'site'), TRUE)"
)


KNOWN_REVIEWS = sql.one_of("r.status", ReviewStatus)
_KNOWN_ORDERS = sql.one_of("o.status", OrderStatus)
# What is shown of an update shows its order.
_KNOWN_UPDATES = f"{sql.one_of('u.status', OrderUpdateStatus)} AND {_KNOWN_ORDERS}"


def visible_reviews(viewer: Viewer) -> Condition:
    """The reviews `r` that exist for this viewer: published ones, one's own, and all for admins."""
    there = f"r.deleted_at IS NULL AND {KNOWN_REVIEWS}"
    if viewer.is_admin:
        return Condition(there)
    if viewer.is_person:
        return Condition(
            f"{there} AND (r.status = 'APPROVED' OR r.customer_id = {_OWN})",
            (viewer.external_id,),
        )
    if viewer.role is Role.GUEST:
        return Condition(
            f"{there} AND (r.status = 'APPROVED' OR r.order_id = ?)", (viewer.order_id,)
        )
    return Condition("r.deleted_at IS NULL AND r.status = 'APPROVED'")


def hidden_reviews(viewer: Viewer) -> Condition | None:
    """Of the same those that are not published; None when there are none for this viewer.

    Said so that they are found by their author or order: a service may have thousands.
    """
    hidden = "r.deleted_at IS NULL AND r.status IN ('PENDING', 'REJECTED')"
    if viewer.is_admin:
        return Condition(hidden)
    if viewer.is_person:
        return Condition(f"{hidden} AND r.customer_id = {_OWN}", (viewer.external_id,))
    if viewer.role is Role.GUEST:
        return Condition(f"{hidden} AND r.order_id = ?", (viewer.order_id,))
    return None


def visible_orders(viewer: Viewer) -> Condition:
    """The orders `o` that exist for this viewer: those it is a party to, and all for the team."""
    own = _own_orders(viewer)
    return Condition(f"{own.text} AND {_KNOWN_ORDERS}", own.values)


def _own_orders(viewer: Viewer) -> Condition:  # noqa: PLR0911 - one for each role
    if viewer.is_team:
        return Condition("o.id = o.id")
    match viewer.role:
        case Role.CUSTOMER:
            return Condition(f"o.customer_id = {_OWN}", (viewer.external_id,))
        case Role.VENDOR:
            return Condition(
                f"({_OF_VENDOR} OR o.customer_id = {_OWN})", (viewer.vendor, viewer.external_id)
            )
        case Role.GUEST if viewer.update_id is None:
            return Condition("o.id = ?", (viewer.order_id,))
        case Role.INTEGRATION if viewer.feeds_orders and viewer.vendor is not None:
            return Condition(_OF_VENDOR, (viewer.vendor,))
        case Role.INTEGRATION if viewer.feeds_orders:
            return Condition("o.id = o.id")
    return Condition("o.id <> o.id")


def visible_updates(viewer: Viewer) -> Condition:
    """The updates `u` of orders `o` that exist for this viewer.

    All for the team; the customer-visible ones for the order's customer, for its vendor while the
    setting for it is on, and for whoever came by a link to the order or to the update.
    """
    own = _own_updates(viewer)
    return Condition(f"{own.text} AND {_KNOWN_UPDATES}", own.values)


def _own_updates(viewer: Viewer) -> Condition:
    if viewer.is_team:
        return Condition("u.id = u.id")
    own = f"o.customer_id = {_OWN}"
    match viewer.role:
        case Role.CUSTOMER:
            return Condition(f"u.customer_visible AND {own}", (viewer.external_id,))
        case Role.VENDOR:
            return Condition(
                f"u.customer_visible AND ({own} OR ({_VENDORS_SEE_UPDATES} AND {_OF_VENDOR}))",
                (viewer.external_id, viewer.vendor),
            )
        case Role.GUEST if viewer.update_id is not None:
            return Condition("u.customer_visible AND u.id = ?", (viewer.update_id,))
        case Role.GUEST:
            return Condition("u.customer_visible AND u.order_id = ?", (viewer.order_id,))
    return Condition("u.id <> u.id")


def visible_notes(viewer: Viewer) -> Condition:
    """The notes `n` that exist for this viewer, below an update that does."""
    return Condition("n.id = n.id" if viewer.is_team else "NOT n.internal")


def sees_moderation(viewer: Viewer, review: Review) -> bool:
    """Whether the decision and the earlier versions are shown: to the author and to admins."""
    return viewer.is_admin or is_author(viewer, review)


def is_author(viewer: Viewer, review: Review) -> bool:
    """Whether the viewer wrote this review, as its customer or by the link to its order."""
    if viewer.role is Role.GUEST:
        return review.order_id == viewer.order_id
    return viewer.is_person and review.author_external_id == viewer.external_id

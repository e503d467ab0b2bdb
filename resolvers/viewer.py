"""The viewer of a request, and the rows that exist for them."""

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
    MODERATOR = "MODERATOR"
    ADMIN = "ADMIN"
    INTEGRATION = "INTEGRATION"


# Roles that see no reviews but public ones.
PUBLIC_ONLY_ROLES = {Role.ANONYMOUS, Role.INTEGRATION}
_TEAM = {Role.STAFF, Role.MODERATOR, Role.ADMIN}
_PEOPLE = {Role.CUSTOMER, Role.VENDOR, *_TEAM}


class Condition(NamedTuple):
    """A condition in SQL and the values of its question marks."""

    text: str
    values: tuple[object, ...] = ()


@dataclass(frozen=True)
class Viewer:
    """Whom the server takes the caller for: from a token, a key or a link, never from input."""

    role: Role = Role.ANONYMOUS
    # The person's id in the marketplace, or an API key's name.
    external_id: str | None = None
    display_name: str | None = None
    # The external id of the vendor for whom a VENDOR acts, or to whom a key is bound.
    vendor: str | None = None
    scopes: frozenset[str] = frozenset()
    # From the token. Used for the team, whose members are known from tokens only.
    email: str | None = None
    # What a GUEST's link opens: one order, or only one update of it.
    order_id: UUID | None = None
    update_id: UUID | None = None
    # The number of the solve for which the link was made.
    solve_number: int | None = None

    @property
    def is_person(self) -> bool:
        """Whether this is a person who is signed in, with an external id."""
        return self.role in _PEOPLE

    @property
    def feeds_orders(self) -> bool:
        """Whether this is a key that may write orders, and so see them."""
        return Scope.ORDERS_WRITE in self.scopes

    @property
    def writes_team(self) -> bool:
        """Whether this is a key that may write members of the team, and so see them."""
        return Scope.TEAM_WRITE in self.scopes

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN

    @property
    def moderates(self) -> bool:
        """Whether they decide reviews, and so see all of them and who wrote them."""
        return self.role in {Role.MODERATOR, Role.ADMIN}

    @property
    def is_team(self) -> bool:
        return self.role in _TEAM

    def must_be_admin(self) -> None:
        if self.role is Role.ANONYMOUS:
            raise Unauthenticated
        if not self.is_admin:
            raise Forbidden(message="Only an admin may do this.")

    def must_moderate(self) -> None:
        if self.role is Role.ANONYMOUS:
            raise Unauthenticated
        if not self.moderates:
            raise Forbidden(message="Only moderators and admins may do this.")

    def must_be_team(self) -> None:
        if self.role is Role.ANONYMOUS:
            raise Unauthenticated
        if not self.is_team:
            raise Forbidden(message="Only the team may do this.")

    def sells_as(self, vendor: str) -> bool:
        """Whether the viewer acts for this vendor, or is a customer with the vendor's own id."""
        return vendor in {self.vendor, self.external_id}

    def is_vendor(self, external_id: str) -> bool:
        return self.role is Role.VENDOR and self.vendor == external_id


ANONYMOUS = Viewer()

ALWAYS, NEVER = Condition("TRUE"), Condition("FALSE")

_OWN = "(SELECT id FROM customer WHERE external_id = ?)"
_VENDOR = "(SELECT id FROM vendor WHERE external_id = ?)"
_OF_VENDOR = f"o.vendor_id = {_VENDOR}"
# On by default: there is no row until an admin changes a setting.
_VENDORS_SEE_UPDATES = (
    "COALESCE((SELECT vendors_see_updates FROM site_settings WHERE \"key\" = 'site'), TRUE)"
)


KNOWN_REVIEWS = sql.one_of("r.status", ReviewStatus)
_KNOWN_ORDERS = sql.one_of("o.status", OrderStatus)


def known_updates() -> str:
    """The join of an update `u` with its order `o`, both in statuses that this version knows."""
    status = sql.without_index("u.status")
    return f"o.id = u.order_id AND {sql.one_of(status, OrderUpdateStatus)} AND {_KNOWN_ORDERS}"


def visible_reviews(viewer: Viewer, status: ReviewStatus | None = None) -> Condition:
    """The reviews `r` that exist for this viewer: published ones, their own, all for moderators.

    With `status`, by which the caller filters, the condition is one that an index serves.
    """
    if status not in {None, ReviewStatus.APPROVED}:
        return hidden_reviews(viewer) or NEVER
    exists = f"r.deleted_at IS NULL AND {KNOWN_REVIEWS}"
    if viewer.moderates:
        return Condition(exists)
    if viewer.is_person:
        return Condition(
            f"{exists} AND (r.status = 'APPROVED' OR r.customer_id = {_OWN})",
            (viewer.external_id,),
        )
    if viewer.role is Role.GUEST:
        return Condition(
            f"{exists} AND (r.status = 'APPROVED' OR r.order_id = ?)", (viewer.order_id,)
        )
    return Condition("r.deleted_at IS NULL AND r.status = 'APPROVED'")


def hidden_reviews(viewer: Viewer) -> Condition | None:
    """The visible reviews that are not published; None if this viewer can see none.

    Written so that the index by author or order is used: a service may have thousands of reviews.
    """
    known = insiders_reviews(viewer)
    if known is None:
        return None
    hidden = "r.deleted_at IS NULL AND r.status IN ('PENDING', 'REJECTED')"
    if known is ALWAYS:
        return Condition(hidden)
    return Condition(f"{hidden} AND {known.text}", known.values)


def insiders_reviews(viewer: Viewer) -> Condition | None:
    """The reviews of which `sees_moderation` is true: their own, all for moderators; or None."""
    if viewer.moderates:
        return ALWAYS
    if viewer.is_person:
        return Condition(f"r.customer_id = {_OWN}", (viewer.external_id,))
    if viewer.role is Role.GUEST:
        return Condition("r.order_id = ?", (viewer.order_id,))
    return None


def visible_orders(viewer: Viewer) -> Condition:
    """The orders `o` that exist for this viewer: as one of their parties, and all for the team."""
    own = _own_orders(viewer)
    return Condition(f"{own.text} AND {_KNOWN_ORDERS}", own.values)


def _own_orders(viewer: Viewer) -> Condition:  # noqa: PLR0911 - one for each role
    if viewer.is_team:
        return ALWAYS
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
            return ALWAYS
    return NEVER


def visible_updates(viewer: Viewer) -> Condition:
    """The updates `u` of orders `o` that exist for this viewer.

    All for the team; customer-visible ones for the order's customer, for its vendor if
    `vendors_see_updates` is on, and for guests with a link to the order or the update.
    """
    parts = updates_by_party(viewer)
    if not parts:
        return Condition(f"{NEVER.text} AND {known_updates()}")
    text = " OR ".join(part.text for part in parts)
    values = tuple(value for part in parts for value in part.values)
    return Condition(f"({text}) AND {known_updates()}", values)


def updates_by_party(viewer: Viewer, *, of_one_order: bool = False) -> list[Condition]:
    """`visible_updates` in parts, without the join and the statuses of newer versions.

    Each is a range of an index, unless the updates `of_one_order` are found by their order.
    """
    if viewer.is_team:
        return [ALWAYS]
    customer_id, vendor_id = "u.customer_id", "u.vendor_id"
    if of_one_order:
        customer_id, vendor_id = sql.without_index(customer_id), sql.without_index(vendor_id)
    own = Condition(f"(u.customer_visible AND {customer_id} = {_OWN})", (viewer.external_id,))
    match viewer.role:
        case Role.CUSTOMER:
            return [own]
        case Role.VENDOR:
            sold = f"{vendor_id} = {_VENDOR} AND {_VENDORS_SEE_UPDATES}"
            return [own, Condition(f"(u.customer_visible AND {sold})", (viewer.vendor,))]
        case Role.GUEST if viewer.update_id is not None:
            return [Condition("(u.customer_visible AND u.id = ?)", (viewer.update_id,))]
        case Role.GUEST:
            return [Condition("(u.customer_visible AND u.order_id = ?)", (viewer.order_id,))]
    return []


def visible_notes(viewer: Viewer) -> Condition:
    """The notes `n` that exist for this viewer, of an update that does."""
    return ALWAYS if viewer.is_team else Condition("NOT n.internal")


def sees_moderation(viewer: Viewer, review: Review) -> bool:
    """Whether the viewer may see the moderation and revisions: the author and moderators may."""
    return viewer.moderates or is_author(viewer, review)


def is_author(viewer: Viewer, review: Review) -> bool:
    """Whether the viewer wrote this review, as its customer or by the link to its order."""
    if viewer.role is Role.GUEST:
        return review.order_id == viewer.order_id
    return viewer.is_person and review.author_external_id == viewer.external_id

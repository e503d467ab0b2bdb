"""Who is asking, and what that person may see."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from models import Review
from resolvers.errors import Forbidden, Unauthenticated


class Role(StrEnum):
    ANONYMOUS = "ANONYMOUS"
    CUSTOMER = "CUSTOMER"
    GUEST = "GUEST"
    VENDOR = "VENDOR"
    STAFF = "STAFF"
    ADMIN = "ADMIN"
    INTEGRATION = "INTEGRATION"


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
    # The one order that a GUEST's link opens.
    order_id: UUID | None = None

    @property
    def is_person(self) -> bool:
        """Signed in as somebody, with an id of their own."""
        return self.role in _PEOPLE

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

    def is_vendor(self, external_id: str) -> bool:
        return self.role is Role.VENDOR and self.vendor == external_id


ANONYMOUS = Viewer()

_OWN = "(SELECT id FROM customer WHERE external_id = ?)"


def visible_reviews(viewer: Viewer) -> Condition:
    """The reviews `r` that exist for this viewer: published ones, one's own, and all for admins."""
    if viewer.is_admin:
        return Condition("r.deleted_at IS NULL")
    if viewer.is_person:
        return Condition(
            f"r.deleted_at IS NULL AND (r.status = 'APPROVED' OR r.customer_id = {_OWN})",
            (viewer.external_id,),
        )
    if viewer.role is Role.GUEST:
        return Condition(
            "r.deleted_at IS NULL AND (r.status = 'APPROVED' OR r.order_id = ?)",
            (viewer.order_id,),
        )
    return Condition("r.deleted_at IS NULL AND r.status = 'APPROVED'")


def visible_orders(viewer: Viewer) -> Condition:  # noqa: PLR0911 - one for each role
    """The orders `o` that exist for this viewer: those it is a party to, and all for the team."""
    if viewer.is_team:
        return Condition("o.id = o.id")
    of_vendor = "o.vendor_id = (SELECT id FROM vendor WHERE external_id = ?)"
    match viewer.role:
        case Role.CUSTOMER:
            return Condition(f"o.customer_id = {_OWN}", (viewer.external_id,))
        case Role.VENDOR:
            return Condition(
                f"({of_vendor} OR o.customer_id = {_OWN})", (viewer.vendor, viewer.external_id)
            )
        case Role.GUEST:
            return Condition("o.id = ?", (viewer.order_id,))
        case Role.INTEGRATION if viewer.vendor is not None:
            return Condition(of_vendor, (viewer.vendor,))
        case Role.INTEGRATION:
            return Condition("o.id = o.id")
    return Condition("o.id <> o.id")


def sees_moderation(viewer: Viewer, review: Review) -> bool:
    """Whether the decision and the earlier versions are shown: to the author and to admins."""
    return viewer.is_admin or is_author(viewer, review)


def is_author(viewer: Viewer, review: Review) -> bool:
    """Whether the viewer wrote this review, as its customer or by the link to its order."""
    if viewer.role is Role.GUEST:
        return review.order_id == viewer.order_id
    return viewer.is_person and review.author_external_id == viewer.external_id

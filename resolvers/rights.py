"""Rights that depend on the role alone, checked before anything is read."""

from resolvers.errors import Forbidden, NotTheCustomer, NotTheVendor, Unauthenticated
from resolvers.viewer import Role, Viewer


def may_administer(viewer: Viewer) -> None:
    """For admins only. Raises Unauthenticated, Forbidden."""
    viewer.must_be_admin()


def may_moderate(viewer: Viewer) -> None:
    """For moderators and admins. Raises Unauthenticated, Forbidden."""
    viewer.must_moderate()


def may_write_team(viewer: Viewer) -> None:
    """For admins, and keys with TEAM_WRITE. Raises Unauthenticated, Forbidden."""
    if not viewer.writes_team:
        viewer.must_be_admin()


def may_feed(viewer: Viewer) -> None:
    """Raises Unauthenticated, Forbidden (no key with ORDERS_WRITE)."""
    if viewer.role is Role.ANONYMOUS:
        raise Unauthenticated(message="Send an API key with the scope ORDERS_WRITE.")
    if not viewer.feeds_orders:
        raise Forbidden(message="This needs an API key with the scope ORDERS_WRITE.")


def may_review(viewer: Viewer) -> None:
    """Raises Unauthenticated, NotTheCustomer (API keys)."""
    if viewer.role is Role.ANONYMOUS:
        raise Unauthenticated("order", message="Sign in as the customer of this order.")
    if viewer.role is Role.INTEGRATION:
        raise NotTheCustomer("order")


def may_edit_reviews(viewer: Viewer) -> None:
    """Raises Unauthenticated, Forbidden (API keys)."""
    _must_be_authenticated(viewer, "review_id")
    if viewer.role is Role.INTEGRATION:
        raise Forbidden("review_id", message="Only its author and admins can edit a review.")


def may_reply(viewer: Viewer) -> None:
    """Raises Unauthenticated, NotTheVendor (every other role, admins included)."""
    _must_be_authenticated(viewer, "review_id")
    if viewer.role is not Role.VENDOR:
        raise NotTheVendor("review_id")


def may_vote(viewer: Viewer) -> None:
    """Raises Unauthenticated, Forbidden (guests, API keys)."""
    _must_be_authenticated(viewer, "review_id")
    if not viewer.is_person:
        raise Forbidden("review_id", message="Only people who are signed in can vote.")


def may_read_notifications(viewer: Viewer) -> None:
    """Raises Unauthenticated, Forbidden (guests, API keys)."""
    _must_be_authenticated(viewer)
    if not viewer.is_person:
        raise Forbidden(message="Only people who are signed in have an inbox.")


def may_open_updates(
    viewer: Viewer, *, customer_visible: bool = True, assignee: object = None
) -> None:
    """Raises Unauthenticated, Forbidden (API keys; internal or assigned ones, unless team)."""
    _must_be_authenticated(viewer, "order")
    if viewer.role is Role.INTEGRATION:
        raise Forbidden("order", message="Only the order's customer and the team open updates.")
    if not viewer.is_team and not customer_visible:
        raise Forbidden("customer_visible", message="Only the team opens internal updates.")
    if not viewer.is_team and assignee is not None:
        raise Forbidden("assignee", message="Only the team assigns updates.")


def may_write_notes(viewer: Viewer, *, internal: bool = False) -> None:
    """Raises Unauthenticated, Forbidden (API keys; internal ones, unless team)."""
    _must_be_authenticated(viewer, "update_id")
    if viewer.role is Role.INTEGRATION:
        raise Forbidden(
            "update_id", message="Only the order's customer and the team may write here."
        )
    if internal and not viewer.is_team:
        raise Forbidden("internal", message="Only the team writes internal notes.")


def may_handle_updates(viewer: Viewer) -> None:
    """For the team only. Raises Unauthenticated, Forbidden."""
    _must_be_authenticated(viewer, "update_id")
    if not viewer.is_team:
        raise Forbidden("update_id", message="Only the team may do this.")


def may_judge_updates(viewer: Viewer) -> None:
    """For the order's customer. Raises Unauthenticated, Forbidden (the team, API keys)."""
    _must_be_authenticated(viewer, "update_id")
    if viewer.is_team or viewer.role is Role.INTEGRATION:
        raise Forbidden("update_id", message="Only the order's customer may do this.")


def _must_be_authenticated(viewer: Viewer, *field: str) -> None:
    if viewer.role is Role.ANONYMOUS:
        raise Unauthenticated(*field)

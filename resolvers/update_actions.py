"""What a viewer can do with an order update now: one rule for buttons and mutations."""

from dataclasses import dataclass

from models import OrderUpdate, SiteSettings
from resolvers.errors import Forbidden
from resolvers.viewer import Role, Viewer


@dataclass(frozen=True)
class UpdateActions:
    """The actions that a front end should offer."""

    reply: bool = False
    rate: bool = False
    report_still_has_issue: bool = False
    solve: bool = False
    reopen: bool = False


def actions(viewer: Viewer, update: OrderUpdate, settings: SiteSettings) -> UpdateActions:
    """The actions open to the viewer now; the update exists for them."""
    if viewer.is_team:
        return UpdateActions(
            reply=not update.is_closed, solve=update.is_open, reopen=update.is_solved
        )
    if is_customer(viewer, update):
        return UpdateActions(
            reply=update.is_open,
            rate=update.is_solved
            and settings.ratings_enabled
            and not is_superseded(viewer, update),
            report_still_has_issue=update.is_solved,
        )
    return UpdateActions()


def is_customer(viewer: Viewer, update: OrderUpdate) -> bool:
    """Whether the viewer is on the customer's side: as the customer, or by a link.

    Members of the team are not, even if the order is their own.
    """
    if viewer.role is Role.GUEST:
        return viewer.update_id == update.id or viewer.order_id == update.order_id
    return (
        viewer.is_person
        and not viewer.is_team
        and viewer.external_id == update.customer_external_id
    )


def is_superseded(viewer: Viewer, update: OrderUpdate) -> bool:
    """Whether the viewer came by the link of a solve other than the latest."""
    return viewer.solve_number not in {None, update.solves}


def must_be_customer(viewer: Viewer, update: OrderUpdate) -> None:
    if not is_customer(viewer, update):
        raise Forbidden("update_id", message="Only the order's customer may do this.")


def must_be_party(viewer: Viewer, update: OrderUpdate) -> None:
    if not viewer.is_team and not is_customer(viewer, update):
        raise Forbidden(
            "update_id", message="Only the order's customer and the team may write here."
        )

"""What clients send about themselves and the site, and what they get back."""

import strawberry

from resolvers.notifications import MAX_MARKED
from schema.errors import UserError
from schema.settings import Settings
from schema.viewer import Viewer

_ERRORS = "Why nothing was done; empty when it was."


@strawberry.input(description="Which notices to mark: those named, or all of them.")
class MarkNotificationsReadInput:
    ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description=f"Notices of yours, {MAX_MARKED} at most."
    )
    all: bool = strawberry.field(default=False, description="All of yours.")


@strawberry.type(description="You, after the change.")
class ViewerPayload:
    viewer: Viewer | None = strawberry.field(default=None, description="You; null when refused.")
    errors: list[UserError] = strawberry.field(default_factory=list, description=_ERRORS)


@strawberry.type(description="The settings after the change.")
class SettingsPayload:
    settings: Settings | None = strawberry.field(
        default=None, description="All settings as they are now; null when refused."
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description=_ERRORS)

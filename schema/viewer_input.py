"""Inputs and payloads about the viewer and the site."""

from typing import Annotated, Any

import strawberry
from strawberry import Info

import models
from resolvers import notifications
from schema.context import Context
from schema.errors import ERRORS_DESCRIPTION, UserError
from schema.references import Of
from schema.settings import Settings
from schema.viewer import Viewer


@strawberry.input(description="Which notices to mark: those named, or all of them.")
class MarkNotificationsReadInput:
    ids: Annotated[list[strawberry.ID], Of("Notification")] | None = strawberry.field(
        default=None, description=f"Notices of yours, {notifications.MAX_MARKED} at most."
    )
    all: bool = strawberry.field(default=False, description="All of yours.")

    def given(self) -> dict[str, Any]:
        """At most one id more than allowed: enough for the refusal, without decoding the rest."""
        ids = None if self.ids is None else self.ids[: notifications.MAX_MARKED + 1]
        return {"ids": ids, "everything": self.all}


@strawberry.type(description="You, after the change.")
class ViewerPayload:
    viewer: Viewer | None = strawberry.field(default=None, description="You; null when refused.")
    errors: list[UserError] = strawberry.field(default_factory=list, description=ERRORS_DESCRIPTION)

    @classmethod
    async def of(cls, info: Info[Context, None], _done: None) -> "ViewerPayload":
        return cls(viewer=Viewer.of(info.context))


@strawberry.type(description="The settings after the change.")
class SettingsPayload:
    settings: Settings | None = strawberry.field(
        default=None, description="All settings as they are now; null when refused."
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description=ERRORS_DESCRIPTION)

    @classmethod
    async def of(cls, info: Info[Context, None], row: models.SiteSettings) -> "SettingsPayload":
        info.context.forget_settings()
        return cls(settings=Settings.from_row(row, info.context.viewer))

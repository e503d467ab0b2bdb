"""`/u/{token}`: rate a solved update, say that there is still an issue, or see what was said."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import HTMLResponse

from candor.callers.guests import RevokedLink, guest_of
from candor.pages import mistakes
from candor.pages.forms import Form
from candor.pages.page_request import Visit
from resolvers import orders, services, update_actions, update_ratings, update_solves
from resolvers.errors import Refusal
from resolvers.update_lookup import find_update, ratings_of
from resolvers.viewer import Viewer


async def update_page(visit: Visit) -> HTMLResponse:
    """What can be said of the update now, or what was said. A POST stores first."""
    viewer = await guest_of(visit.claim)
    refused = await _store(viewer, visit.form) if visit.form else None
    update = await find_update(viewer, visit.claim.subject)
    if update is None:
        raise RevokedLink
    order = (await orders.of_updates([update]))[update.order_id]
    can = update_actions.actions(viewer, update, visit.site)
    found = mistakes.by_field(refused)
    # What else can be refused, the page shows as it is now.
    wrong = {name: found[name] for name in ("stars", "comment", "note") if name in found}
    return visit.page(
        _template(can.rate, can.report_still_has_issue, is_closed=update.is_closed),
        locale=order.customer.locale,
        status=422 if wrong else 200,
        update=update,
        order=order,
        service=(await services.services_by_ids([order.service_id]))[order.service_id],
        rating=(await ratings_of([update.id])).get(update.id),
        superseded=update_actions.is_superseded(viewer, update),
        may_comment=visit.site.rating_comments_enabled,
        until=_day(visit),
        wrong=wrong,
        just_now=visit.form is not None and refused is None,
        **_typed(visit),
    )


async def _store(viewer: Viewer, form: Form) -> Refusal | None:
    """Open it again when the button for that was used, else rate it; the refusal if there is one.

    A rating is final and a reopening is not: whoever sends both is taken to have an issue.
    """
    update_id, comment = viewer.update_id, form.text("comment")
    if update_id is None:
        raise RevokedLink
    try:
        if form.text("still_has_issue"):
            await update_solves.report_still_has_issue(viewer, update_id=update_id, note=comment)
        else:
            await update_ratings.rate_update(
                viewer, update_id=update_id, stars=form.whole("stars"), comment=comment
            )
    except Refusal as refusal:
        return refusal
    return None


def _template(may_rate: bool, may_reopen: bool, *, is_closed: bool) -> str:
    if is_closed:
        return "update_rated"
    return "update_form" if may_rate or may_reopen else "update_open"


def _typed(visit: Visit) -> dict[str, Any]:
    """What was typed, in the form it was typed into; else the star tapped in the mail."""
    form = visit.form or Form([])
    told_issue = bool(form.text("still_has_issue"))
    return {
        "stars": form.text("stars") or str(visit.preselected("stars")),
        "comment": "" if told_issue else form.text("comment"),
        "note": form.text("comment") if told_issue else "",
    }


def _day(visit: Visit) -> Any:
    expires_at = visit.claim.expires_at or datetime.max.replace(tzinfo=UTC)
    return expires_at.astimezone(ZoneInfo(visit.site.time_zone)).date()

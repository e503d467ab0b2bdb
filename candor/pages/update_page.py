"""`/u/{token}`: rate a solved update, report that there is still an issue, or see the rating."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import HTMLResponse

from candor.callers.guests import RevokedLink, guest_of
from candor.pages import field_errors
from candor.pages.forms import Form
from candor.pages.page_request import PageRequest
from resolvers import orders, services, update_actions, update_ratings, update_solves
from resolvers.errors import Refusal
from resolvers.update_lookup import find_update, ratings_of
from resolvers.viewer import Viewer


async def update_page(page_request: PageRequest) -> HTMLResponse:
    """The form, the stored rating, or that the update is open. A POST is stored first."""
    viewer = await guest_of(page_request.claim)
    refusal = await _store(viewer, page_request.form) if page_request.form else None
    update = await find_update(viewer, page_request.claim.subject)
    if update is None:
        raise RevokedLink
    order = (await orders.of_updates([update]))[update.order_id]
    can = update_actions.actions(viewer, update, page_request.site)
    codes = field_errors.codes_by_field(refusal)
    # Other refusals show in the page's state.
    wrong = {name: codes[name] for name in ("stars", "comment", "note") if name in codes}
    return page_request.page(
        _template(can.rate, can.report_still_has_issue, is_closed=update.is_closed),
        locale=order.customer.locale,
        status=422 if wrong else 200,
        update=update,
        order=order,
        service=(await services.services_by_ids([order.service_id]))[order.service_id],
        rating=(await ratings_of([update.id])).get(update.id),
        superseded=update_actions.is_superseded(viewer, update),
        may_comment=page_request.site.rating_comments_enabled,
        until=_day(page_request),
        wrong=wrong,
        just_now=page_request.form is not None and refusal is None,
        **_typed(page_request),
    )


async def _store(viewer: Viewer, form: Form) -> Refusal | None:
    """Reopen the update if that button was used, else rate it. Returns the refusal, if any.

    A form with both reopens: a rating is final, reopening is not.
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


def _typed(page_request: PageRequest) -> dict[str, Any]:
    """The submitted text, in the form it was typed into, and the stars, also those of the mail."""
    form = page_request.form or Form([])
    has_issue = bool(form.text("still_has_issue"))
    return {
        "stars": form.text("stars") or str(page_request.preselected("stars")),
        "comment": "" if has_issue else form.text("comment"),
        "note": form.text("comment") if has_issue else "",
    }


def _day(page_request: PageRequest) -> Any:
    expires_at = page_request.claim.expires_at or datetime.max.replace(tzinfo=UTC)
    return expires_at.astimezone(ZoneInfo(page_request.site.time_zone)).date()

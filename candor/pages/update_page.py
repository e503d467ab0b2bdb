"""`/u/{token}`: an update's thread, to answer, to rate, or to say that there is still an issue."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from starlette.responses import HTMLResponse

from candor.callers.guests import RevokedLink, guest_of
from candor.pages import field_errors
from candor.pages.forms import Form
from candor.pages.page_request import PageRequest
from resolvers import (
    keyset,
    orders,
    services,
    update_actions,
    update_notes,
    update_ratings,
    update_solves,
)
from resolvers.errors import Refusal
from resolvers.update_lookup import find_update, ratings_of
from resolvers.viewer import Viewer

_NEWEST_NOTES = keyset.PageRequest(50, backwards=True)


async def update_page(page_request: PageRequest) -> HTMLResponse:
    """The form, the stored rating, or that the update is open. A POST is stored first."""
    guest, form = await guest_of(page_request.claim), page_request.form
    # An old link leads to the current question; what is sent is about the one that was shown.
    shown = form.maybe_whole("solve") if form else None
    viewer = replace(guest, solve_number=shown or guest.solve_number)
    refusal = await _store(viewer, form) if form else None
    update = await find_update(viewer, page_request.claim.subject)
    if update is None:
        raise RevokedLink
    viewer = replace(guest, solve_number=None)
    notes = await update_notes.list_notes(viewer, [update.id], _NEWEST_NOTES, count=False)
    order = (await orders.of_updates([update]))[update.order_id]
    can = update_actions.actions(viewer, update, page_request.site)
    codes = field_errors.codes_by_field(refusal)
    # Other refusals show in the page's state.
    wrong = {name: codes[name] for name in ("stars", "comment", "note", "body") if name in codes}
    return page_request.page(
        _template(can.rate, can.report_still_has_issue, is_closed=update.is_closed),
        locale=order.customer.locale,
        status=422 if wrong else 200,
        update=update,
        order=order,
        service=(await services.services_by_ids([order.service_id]))[order.service_id],
        rating=(await ratings_of([update.id])).get(update.id),
        thread=notes[0].rows,
        has_earlier=notes[0].has_previous,
        has_changed=refusal is not None and not wrong,
        may_answer=can.reply,
        wants_issue=page_request.request.query_params.get("issue") == "1",
        is_answered=form is not None and refusal is None and bool(form.text("answer")),
        may_comment=page_request.site.rating_comments_enabled,
        until=_day(page_request),
        wrong=wrong,
        just_now=page_request.form is not None and refusal is None,
        **_typed(page_request),
    )


async def _store(viewer: Viewer, form: Form) -> Refusal | None:
    """Do what the used button says. Returns the refusal, if any.

    A form with several reopens: a rating is final, reopening is not.
    """
    update_id, comment = viewer.update_id, form.text("comment")
    if update_id is None:
        raise RevokedLink
    try:
        if form.text("answer"):
            await _answer(viewer, update_id, form.text("body"))
        elif form.text("still_has_issue"):
            await update_solves.report_still_has_issue(viewer, update_id=update_id, note=comment)
        else:
            await update_ratings.rate_update(
                viewer, update_id=update_id, stars=form.whole("stars"), comment=comment
            )
    except Refusal as refusal:
        return refusal
    return None


async def _answer(viewer: Viewer, update_id: UUID, body: str) -> None:
    """Post the note, unless it was sent twice: the same stands at the end of the thread."""
    newest = keyset.PageRequest(1, backwards=True)
    (notes,) = await update_notes.list_notes(viewer, [update_id], newest, count=False)
    if not notes.rows or notes.rows[0].author_id is not None or notes.rows[0].body != body.strip():
        await update_notes.post_note(viewer, update_id=update_id, body=body)


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
        "answer": form.text("body") if form.text("answer") else "",
    }


def _day(page_request: PageRequest) -> Any:
    expires_at = page_request.claim.expires_at or datetime.max.replace(tzinfo=UTC)
    return expires_at.astimezone(ZoneInfo(page_request.site.time_zone)).date()

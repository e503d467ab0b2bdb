"""`/r/{token}`: review an order, see the stored review, or edit it."""

from typing import Any, NamedTuple

from starlette.responses import HTMLResponse

from candor.callers.guests import RevokedLink, guest_of
from candor.pages import field_errors
from candor.pages.forms import Form
from candor.pages.page_request import PageRequest
from models import (
    Order,
    PendingVersion,
    Review,
    ReviewStatus,
    SiteSettings,
    clock,
    review_window,
)
from models.review import SUB_RATINGS, TEXTS, WRITTEN, ReviewContent
from resolvers import (
    orders,
    review_edit_rule,
    review_edits,
    review_eligibility,
    review_versions,
    reviews,
    services,
)
from resolvers.errors import Refusal
from resolvers.ref import Ref
from resolvers.review_eligibility import Eligibility
from resolvers.viewer import Viewer


async def review_page(page_request: PageRequest) -> HTMLResponse:
    """The form, the stored review, or why there is neither. A POST is stored first.

    Where its author may still edit it, the stored review leads to the form, which a rejected one
    shows at once.
    """
    viewer = await guest_of(page_request.claim)
    refusal = await _store(viewer, page_request, page_request.form) if page_request.form else None
    stored = await _stored(viewer, page_request.site)
    order, verdict = stored.order, stored.verdict
    values: dict[str, Any] = {
        "order": order,
        "service": (await services.services_by_ids([order.service_id]))[order.service_id],
    }
    if verdict.reason is None or (stored.may_edit and _is_asked_for(page_request, refusal, stored)):
        return _form(page_request, refusal, stored, values)
    name = "review_stored" if verdict.existing_review else "review_closed"
    return page_request.page(
        name,
        locale=order.customer.locale,
        reason=verdict.reason.value,
        review=verdict.existing_review,
        pending=stored.pending,
        may_edit=stored.may_edit,
        last_day=verdict.window.last_day if verdict.window else None,
        just_now=page_request.form is not None and refusal is None,
        **values,
    )


class _Stored(NamedTuple):
    """The order, whether it can be reviewed, and what its author may edit."""

    order: Order
    verdict: Eligibility
    pending: PendingVersion | None
    may_edit: bool


async def _stored(viewer: Viewer, site: SiteSettings) -> _Stored:
    order = await orders.find_order(viewer, Ref(id=viewer.order_id))
    if order is None:
        raise RevokedLink
    verdict = (await review_eligibility.of_orders(viewer, [order]))[0]
    review = verdict.existing_review
    if review is None:
        return _Stored(order, verdict, None, may_edit=False)
    pending = (await review_versions.pending_of([review.id])).get(review.id)
    may_edit = review_edit_rule.may_still_edit(viewer, review, order, site, clock.now())
    return _Stored(order, verdict, pending, may_edit)


def _is_asked_for(page_request: PageRequest, refusal: Refusal | None, stored: _Stored) -> bool:
    """Whether to show the form of a review that exists."""
    if page_request.form is not None:
        return refusal is not None and _is_edit(page_request.form, stored)
    return page_request.wants_to_edit or _is_rejected(stored.verdict.existing_review)


def _is_edit(form: Form, stored: _Stored) -> bool:
    """Whether the form was that of an edit: an old one of a first review changes nothing."""
    return form.text("edit") == "1" or _is_rejected(stored.verdict.existing_review)


def _is_rejected(review: Review | None) -> bool:
    return review is not None and review.status is ReviewStatus.REJECTED


async def _store(viewer: Viewer, page_request: PageRequest, form: Form) -> Refusal | None:
    """Create the review, or edit it. Returns the refusal, if any."""
    given: dict[str, Any] = {
        "rating": form.whole("rating"),
        **{name: form.text(name) for name in TEXTS},
        **{name: form.maybe_whole(name) for name in SUB_RATINGS},
    }
    stored = await _stored(viewer, page_request.site)
    review = stored.verdict.existing_review
    try:
        if review is not None and stored.may_edit and _is_edit(form, stored):
            await review_edits.edit_review(viewer, review_id=review.id, **given)
        else:
            await reviews.create_review(viewer, order=Ref(id=stored.order.id), **given)
    except Refusal as refusal:
        return refusal
    return None


def _form(
    page_request: PageRequest,
    refusal: Refusal | None,
    stored: _Stored,
    values: dict[str, Any],
) -> HTMLResponse:
    """The form, with the submitted text, else the latest version, else the stars tapped."""
    review = stored.verdict.existing_review
    latest: ReviewContent | None = stored.pending or review
    typed: dict[str, Any]
    if page_request.form is not None:
        typed = {name: page_request.form.text(name) for name in WRITTEN}
    elif latest is not None:
        typed = {name: getattr(latest, name) or "" for name in WRITTEN}
    else:
        typed = dict.fromkeys(WRITTEN, "")
    if not typed["rating"]:
        typed["rating"] = page_request.preselected("rating")
    until = stored.verdict.window
    if review is not None:
        until = review_window.edit_deadline(review.published_at, page_request.site)
    return page_request.page(
        "review_form",
        locale=values["order"].customer.locale,
        status=422 if refusal else 200,
        typed={name: str(value) for name, value in typed.items()},
        wrong=field_errors.codes_by_field(refusal),
        review=review,
        rejected=review if _is_rejected(review) else None,
        last_day=until.last_day if until else None,
        **values,
    )

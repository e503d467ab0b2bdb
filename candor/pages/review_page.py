"""`/r/{token}`: review an order, or see the stored review."""

from typing import Any
from uuid import UUID

from starlette.responses import HTMLResponse

from candor.callers.guests import RevokedLink, guest_of
from candor.pages import field_errors
from candor.pages.forms import Form
from candor.pages.page_request import PageRequest
from models import Order, Review, ReviewStatus, SiteSettings, clock
from models.review import SUB_RATINGS, TEXTS, WRITTEN
from resolvers import orders, review_edits, review_eligibility, reviews, services
from resolvers.errors import Refusal
from resolvers.ref import Ref
from resolvers.review_eligibility import Eligibility
from resolvers.viewer import Viewer


async def review_page(page_request: PageRequest) -> HTMLResponse:
    """The form, the stored review, or why there is neither. A POST is stored first."""
    viewer = await guest_of(page_request.claim)
    refusal = await _store(viewer, page_request, page_request.form) if page_request.form else None
    order = await _order(viewer)
    verdict = (await review_eligibility.of_orders(viewer, [order]))[0]
    values: dict[str, Any] = {
        "order": order,
        "service": (await services.services_by_ids([order.service_id]))[order.service_id],
        "last_day": verdict.window.last_day if verdict.window else None,
    }
    if verdict.reason is None or _may_try_again(viewer, order, verdict, page_request.site):
        return _form(page_request, refusal, verdict.existing_review, values)
    name = "review_stored" if verdict.existing_review else "review_closed"
    return page_request.page(
        name,
        locale=order.customer.locale,
        reason=verdict.reason.value,
        review=verdict.existing_review,
        just_now=page_request.form is not None and refusal is None,
        **values,
    )


async def _store(viewer: Viewer, page_request: PageRequest, form: Form) -> Refusal | None:
    """Create the review, or edit the rejected one. Returns the refusal, if any."""
    given: dict[str, Any] = {
        "rating": form.whole("rating"),
        **{name: form.text(name) for name in TEXTS},
        **{name: form.maybe_whole(name) for name in SUB_RATINGS},
    }
    order = await _order(viewer)
    verdict = (await review_eligibility.of_orders(viewer, [order]))[0]
    try:
        if _may_try_again(viewer, order, verdict, page_request.site):
            await review_edits.edit_review(viewer, review_id=_id(verdict.existing_review), **given)
        else:
            await reviews.create_review(viewer, order=Ref(id=order.id), **given)
    except Refusal as refusal:
        return refusal
    return None


async def _order(viewer: Viewer) -> Order:
    order = await orders.find_order(viewer, Ref(id=viewer.order_id))
    if order is None:
        raise RevokedLink
    return order


def _may_try_again(viewer: Viewer, order: Order, verdict: Eligibility, site: SiteSettings) -> bool:
    """Whether the review was rejected and its author may still edit it."""
    review = verdict.existing_review
    if review is None or review.status is not ReviewStatus.REJECTED:
        return False
    try:
        review_eligibility.may_still_edit(viewer, order, site, clock.now())
    except Refusal:
        return False
    return True


def _id(review: Review | None) -> UUID:
    if review is None:
        raise RevokedLink
    return review.id


def _form(
    page_request: PageRequest,
    refusal: Refusal | None,
    rejected: Review | None,
    values: dict[str, Any],
) -> HTMLResponse:
    """The form, filled with the submitted text, else the rejected review, else the stars tapped."""
    typed: dict[str, Any]
    if page_request.form is not None:
        typed = {name: page_request.form.text(name) for name in WRITTEN}
    elif rejected is not None:
        typed = {name: getattr(rejected, name) or "" for name in WRITTEN}
    else:
        typed = dict.fromkeys(WRITTEN, "")
    if not typed["rating"]:
        typed["rating"] = page_request.preselected("rating")
    return page_request.page(
        "review_form",
        locale=values["order"].customer.locale,
        status=422 if refusal else 200,
        typed={name: str(value) for name, value in typed.items()},
        wrong=field_errors.codes_by_field(refusal),
        rejected=rejected,
        **values,
    )

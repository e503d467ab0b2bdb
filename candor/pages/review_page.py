"""`/r/{token}`: review an order, or see what became of the review."""

from typing import Any
from uuid import UUID

from starlette.responses import HTMLResponse

from candor.callers.guests import RevokedLink, guest_of
from candor.pages import mistakes
from candor.pages.forms import Form
from candor.pages.page_request import Visit
from models import Order, Review, ReviewStatus, SiteSettings, clock
from models.review import SUB_RATINGS, TEXTS, WRITTEN
from resolvers import orders, review_edits, review_eligibility, reviews, services
from resolvers.errors import Refusal
from resolvers.ref import Ref
from resolvers.review_eligibility import Eligibility
from resolvers.viewer import Viewer


async def review_page(visit: Visit) -> HTMLResponse:
    """The form, the stored review, or the reason why there is neither. A POST stores first."""
    viewer = await guest_of(visit.claim)
    refused = await _store(viewer, visit, visit.form) if visit.form else None
    order = await _order(viewer)
    verdict = (await review_eligibility.of_orders(viewer, [order]))[0]
    values: dict[str, Any] = {
        "order": order,
        "service": (await services.services_by_ids([order.service_id]))[order.service_id],
        "last_day": verdict.window.last_day if verdict.window else None,
    }
    if verdict.reason is None or _may_try_again(viewer, order, verdict, visit.site):
        return _form(visit, refused, verdict.existing_review, values)
    name = "review_stored" if verdict.existing_review else "review_closed"
    return visit.page(
        name,
        locale=order.customer.locale,
        reason=verdict.reason.value,
        review=verdict.existing_review,
        just_now=visit.form is not None and refused is None,
        **values,
    )


async def _store(viewer: Viewer, visit: Visit, form: Form) -> Refusal | None:
    """Write the review, or the rejected one anew; the refusal if there is one."""
    given: dict[str, Any] = {
        "rating": form.whole("rating"),
        **{name: form.text(name) for name in TEXTS},
        **{name: form.maybe_whole(name) for name in SUB_RATINGS},
    }
    order = await _order(viewer)
    verdict = (await review_eligibility.of_orders(viewer, [order]))[0]
    try:
        if _may_try_again(viewer, order, verdict, visit.site):
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
    """Whether the review was rejected and its author can still change it."""
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
    visit: Visit, refused: Refusal | None, rejected: Review | None, values: dict[str, Any]
) -> HTMLResponse:
    """The form with what was typed, else with the rejected review, else with the star tapped."""
    typed: dict[str, Any]
    if visit.form is not None:
        typed = {name: visit.form.text(name) for name in WRITTEN}
    elif rejected is not None:
        typed = {name: getattr(rejected, name) or "" for name in WRITTEN}
    else:
        typed = dict.fromkeys(WRITTEN, "")
    if not typed["rating"]:
        typed["rating"] = visit.preselected("rating")
    return visit.page(
        "review_form",
        locale=values["order"].customer.locale,
        status=422 if refused else 200,
        typed={name: str(value) for name, value in typed.items()},
        wrong=mistakes.by_field(refused),
        rejected=rejected,
        **values,
    )

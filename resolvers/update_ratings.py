"""The customer's one, final rating of a solved order update, which closes the update."""

from datetime import timedelta
from uuid import UUID

import mailers
from models import (
    Audience,
    Customer,
    OrderUpdate,
    SiteSettings,
    TeamMember,
    TeamRole,
    UpdateSolve,
    clock,
    sql,
)
from models.database import transaction
from models.update_solve import PROMOTER_FROM
from resolvers import rights, site_settings, team_members, tracking_log, user_text
from resolvers.errors import (
    AlreadyRated,
    CommentsDisabled,
    Conflict,
    NotSolved,
    RatingsDisabled,
)
from resolvers.refusals import collect_refusals
from resolvers.review_content import whole_stars
from resolvers.update_actions import is_superseded, must_be_customer
from resolvers.update_lookup import must_find
from resolvers.viewer import Viewer

# This condition, not an earlier read, decides races with another rating, a reopening or a solve.
_CLOSE = """
UPDATE order_update SET status = 'CLOSED', closed_at = ?, team_activity_at = ?,
  customer_activity_at = ?
WHERE id = ? AND status = 'SOLVED' AND solves = ?"""
_RATE = """
UPDATE update_solve SET stars = ?, comment = ?, rated_at = ?
WHERE update_id = ? AND number = ? AND stars IS NULL"""


async def rate_update(
    viewer: Viewer, *, update_id: UUID, stars: int, comment: str | None = None
) -> OrderUpdate:
    """Rate the latest solve, as the customer or by its link, and close the update permanently.

    The rating, the update, the event and the mails are one transaction. The link of an older solve
    stores nothing; the refusal gives the current state.

    Raises Unauthenticated, NotFound, Forbidden, RatingsDisabled, AlreadyRated, NotSolved, Conflict
    (superseded), RatingOutOfRange, CommentsDisabled, BodyTooLong.
    """
    rights.may_judge_updates(viewer)
    async with transaction():
        update = await must_find(viewer, update_id, hold=True)
        must_be_customer(viewer, update)
        settings = await site_settings.current()
        if not settings.ratings_enabled:
            raise RatingsDisabled("update_id")
        _must_be_ratable(viewer, update)
        with collect_refusals() as check:
            check(whole_stars, stars, "stars")
            text = check(_checked_comment, comment, settings)
        now, number = clock.now(), update.solves
        if not await sql.execute(_CLOSE, now, now, now, update.id, number):
            _must_be_ratable(viewer, await must_find(viewer, update_id))
            raise _superseded()
        await sql.execute(_RATE, stars, text, now, update.id, number)
        await tracking_log.record(viewer, "update.rated", about=update, number=number, stars=stars)
        await _follow_up(update, settings, stars)
        await _tell_who_solved(update)
        return await must_find(viewer, update_id)


def _must_be_ratable(viewer: Viewer, update: OrderUpdate) -> None:
    if update.is_closed:
        raise AlreadyRated("update_id")
    if not update.is_solved:
        raise NotSolved("update_id")
    if is_superseded(viewer, update):
        raise _superseded()


def _superseded() -> Conflict:
    return Conflict(
        "update_id",
        message="This link is superseded: the update was reopened and solved again since.",
    )


def _checked_comment(comment: str | None, settings: SiteSettings) -> str | None:
    text = user_text.optional_body(comment, "comment")
    if text is not None and not settings.rating_comments_enabled:
        raise CommentsDisabled("comment")
    return text


async def _follow_up(update: OrderUpdate, settings: SiteSettings, stars: int) -> None:
    """Promise the follow-up mails, and withdraw mails that ask for a rating."""
    for mail in ("update.solved", "update.rating_request"):
        await mailers.withdraw(mail, about=update.id, because="it was rated")
    promoter = stars >= PROMOTER_FROM
    await mailers.deliver_later(
        "rating.promoter" if promoter else "rating.detractor",
        to=await Customer.get(external_id=update.customer_external_id),
        about=update,
        due_at=clock.now() + timedelta(minutes=settings.follow_up_delay_minutes),
    )
    if not promoter:
        await _alert(update, settings)


async def _alert(update: OrderUpdate, settings: SiteSettings) -> None:
    """Notify the admins, and mail the admin address, else each admin with an address."""
    admin = mailers.Addressee(Audience.ADMIN, "admin", settings.admin_email)
    if settings.admin_email:
        await mailers.deliver_later("rating.alert", to=admin, about=update)
        return
    await mailers.notify("rating.alert", to=admin, about=update)
    for member in await team_members.active_members(TeamRole.ADMIN):
        if member.email and member.external_id != update.customer_external_id:
            await mailers.mail_later(
                "rating.alert",
                to=team_members.addressee(member),
                about=update,
                due_at=clock.now(),
                member=member.external_id,
            )


async def _tell_who_solved(update: OrderUpdate) -> None:
    """Tell the assignee of the rating, else who is credited with the solve."""
    member_id = update.assignee_id
    if member_id is None:
        solve = await UpdateSolve.get(update_id=update.id, number=update.solves)
        member_id = solve.credited_to_id
    member = await TeamMember.get(id=member_id)
    if member.is_active and member.external_id != update.customer_external_id:
        to, name = team_members.addressee(member), member.external_id
        await mailers.deliver_later("update.rated", to=to, about=update, member=name)

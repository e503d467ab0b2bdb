"""Mailers about updates of an order. Each reads the current rows when the mail leaves."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

from mailers.letters import update_mails
from mailers.letters.site import Site
from mailers.letters.team_person import answer_address, of_member, team_person
from mailers.letters.template_values import UpdateValues
from mailers.mail import NO_ADDRESS, Mail, Person, Skipped
from models import OrderUpdate, UpdateSolve, clock
from models.person_name import ANONYMOUS, greeting_name
from models.update_solve import PROMOTER_FROM

# How long the link in a mail can rate a solved update.
LINK_LIFE = timedelta(days=30)

_GONE = Skipped("the update is gone")
_RATINGS_OFF = Skipped("ratings are switched off")


async def promoter(site: Site, update_id: UUID, **_params: Any) -> Mail | Skipped:
    """To the customer who gave 4 or 5 stars."""
    rated = await _rated(site, update_id)
    if isinstance(rated, Skipped):
        return rated
    update, solve, values = rated
    if (solve.stars or 0) < PROMOTER_FROM:
        return Skipped("the rating has fewer stars now")
    return _to_customer(update) or update_mails.promoter(site, _customer(update), values)


async def detractor(site: Site, update_id: UUID, **_params: Any) -> Mail | Skipped:
    """To the customer who gave 1 to 3 stars; an answer goes to the admins, if we know where."""
    rated = await _rated(site, update_id)
    if isinstance(rated, Skipped):
        return rated
    update, solve, values = rated
    if (solve.stars or 0) >= PROMOTER_FROM:
        return Skipped("the rating has more stars now")
    answers = await answer_address(site)
    subject = quote(update.order.external_id, safe="")
    link = f"mailto:{quote(answers, safe='@,')}?subject={subject}" if answers else None
    values = replace(values, link=link)
    return _to_customer(update) or update_mails.detractor(
        site, _customer(update), values, reply_to=answers
    )


async def alert(
    site: Site, update_id: UUID, *, member: str | None = None, **_params: Any
) -> Mail | Skipped:
    """To the admin address, else to an admin, about 1 to 3 stars."""
    rated = await _rated(site, update_id)
    if isinstance(rated, Skipped):
        return rated
    update, solve, values = rated
    if (solve.stars or 0) >= PROMOTER_FROM:
        return Skipped("the rating has more stars now")
    to = await team_person(site, member)
    if isinstance(to, Skipped):
        return to
    answers = await answer_address(site) is not None and update.customer_visible
    values = replace(values, link=site.team_update(update), asks=answers)
    return update_mails.to_team("rating.alert", site, to, values)


async def solved(site: Site, update_id: UUID, *, solve: int, **_params: Any) -> Mail | Skipped:
    """To the customer, about the solve with this number."""
    update = await _still_solved(site, update_id, solve)
    if isinstance(update, Skipped):
        return update
    values = _values(update, link=_link(site, update), may_rate=site.settings.ratings_enabled)
    return _to_customer(update) or update_mails.solved(site, _customer(update), values)


async def rating_request(
    site: Site, update_id: UUID, *, solve: int, **_params: Any
) -> Mail | Skipped:
    """To the customer who has not rated the solve with this number."""
    if not site.settings.ratings_enabled:
        return _RATINGS_OFF
    update = await _still_solved(site, update_id, solve)
    if isinstance(update, Skipped):
        return update
    values = _values(update, link=_link(site, update))
    return _to_customer(update) or update_mails.rating_request(site, _customer(update), values)


async def note_from_customer(
    site: Site, update_id: UUID, *, note_id: str, admin: bool = False, **_params: Any
) -> Mail | Skipped:
    """To the present assignee, or to the admin address if there was none."""
    return await _to_team(site, "note.from_customer", update_id, note_id, admin=admin)


async def opened(
    site: Site, update_id: UUID, *, note_id: str | None, admin: bool = False, **_params: Any
) -> Mail | Skipped:
    """To the admin address, with the customer's first note if there is one."""
    return await _to_team(site, "update.opened", update_id, note_id, admin=admin)


async def still_has_issue(
    site: Site, update_id: UUID, *, note_id: str | None, admin: bool = False, **_params: Any
) -> Mail | Skipped:
    """To the present assignee, or to the admin address, with the note if there is one."""
    return await _to_team(site, "update.still_has_issue", update_id, note_id, admin=admin)


async def assigned(site: Site, update_id: UUID, *, member: str, **_params: Any) -> Mail | Skipped:
    """To the member whom the update was assigned to."""
    update = await _update(site, update_id)
    if update is None:
        return _GONE
    if update.assignee is None or update.assignee.external_id != member:
        return Skipped("somebody else is assigned now")
    to = of_member(update.assignee)
    if isinstance(to, Skipped):
        return to
    values = _values(update, link=site.team_update(update))
    return update_mails.to_team("update.assigned", site, to, values)


async def rated(site: Site, update_id: UUID, *, member: str, **_params: Any) -> Mail | Skipped:
    """To the member who is credited, with the stars and the comment."""
    found = await _rated(site, update_id)
    if isinstance(found, Skipped):
        return found
    update, _, values = found
    to = await team_person(site, member)
    if isinstance(to, Skipped):
        return to
    values = replace(values, link=site.team_update(update))
    return update_mails.to_team("update.rated", site, to, values)


async def _to_team(
    site: Site, kind: str, update_id: UUID, note_id: str | None, *, admin: bool
) -> Mail | Skipped:
    """A mail about an act of the customer, and the note that belongs to it."""
    update = await _update(site, update_id)
    note = await site.reads.note(UUID(note_id)) if note_id is not None else None
    if update is None or (note_id is not None and note is None):
        return _GONE
    if not admin and update.assignee is None:
        return Skipped("nobody is assigned any more")
    to = await team_person(site, None) if admin else of_member(update.assignee)
    if isinstance(to, Skipped):
        return to
    author_name = greeting_name(update.order.customer.display_name) or ANONYMOUS
    values = _values(
        update,
        note=note.body if note else None,
        author_name=author_name,
        link=site.team_update(update),
    )
    return update_mails.to_team(kind, site, to, values)


async def note_from_staff(
    site: Site, update_id: UUID, *, note_id: str, **_params: Any
) -> Mail | Skipped:
    """To the customer, with a note that the customer may see."""
    update, note = await _update(site, update_id), await site.reads.note(UUID(note_id))
    if update is None or note is None:
        return _GONE
    if note.internal or note.author is None:
        return Skipped("the note is internal")
    values = _values(
        update,
        note=note.body,
        author_name=note.author.display_name,
        link=_link(site, update),
        asks=update.is_open,
    )
    return _to_customer(update) or update_mails.note_from_staff(
        site, _customer(update), values, reply_to=await answer_address(site)
    )


async def _rated(
    site: Site, update_id: UUID
) -> tuple[OrderUpdate, UpdateSolve, UpdateValues] | Skipped:
    """The update, its rated solve and their values, if they still exist."""
    if not site.settings.ratings_enabled:
        return _RATINGS_OFF
    update = await _update(site, update_id)
    if update is None:
        return _GONE
    solve = await site.reads.latest_solve(update)
    if solve is None or solve.stars is None:
        return Skipped("the rating is gone")
    author_name = solve.credited_to.display_name
    values = _values(update, stars=solve.stars, comment=solve.comment, author_name=author_name)
    return update, solve, values


async def _still_solved(site: Site, update_id: UUID, solve: int) -> OrderUpdate | Skipped:
    update = await _update(site, update_id)
    if update is None:
        return _GONE
    if update.is_closed:
        return Skipped("the update is rated")
    if not update.is_solved or update.solves != solve:
        return Skipped("the update was reopened")
    return update


async def updates(ids: list[UUID]) -> dict[UUID, OrderUpdate]:
    """Updates with all rows that their mails print, by id."""
    related = ("order__customer", "order__service", "assignee")
    rows = await OrderUpdate.filter(id__in=ids).select_related(*related)
    return {update.id: update for update in rows}


async def _update(site: Site, update_id: UUID) -> OrderUpdate | None:
    rows = site.rows if update_id in site.rows else await updates([update_id])
    update: OrderUpdate | None = rows.get(update_id)
    return update


def _to_customer(update: OrderUpdate) -> Skipped | None:
    """Why this update's customer gets no mail about it; None if there is no reason."""
    if not update.customer_visible:
        return Skipped("the update is internal")
    return None if _customer(update).address else NO_ADDRESS


def _customer(update: OrderUpdate) -> Person:
    order, customer = update.order, update.order.customer
    return Person(customer.display_name, order.address_of(customer), customer.locale)


def _values(update: OrderUpdate, **more: Any) -> UpdateValues:
    return UpdateValues(
        order_number=update.order.external_id,
        service_title=update.order.service.title,
        title=update.title,
        customer_name=greeting_name(update.order.customer.display_name) or ANONYMOUS,
        **more,
    )


def _link(site: Site, update: OrderUpdate) -> str:
    return site.update_link(
        update_id=update.id,
        order_number=update.order.external_id,
        version=update.order.link_version,
        solve=update.solves,
        expires_at=(update.solved_at or clock.now()) + LINK_LIFE,
    )

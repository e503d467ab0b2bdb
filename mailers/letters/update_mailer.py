"""What we write about updates of an order. Each function looks at the world as it is now."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

from mailers.letters import update_letters
from mailers.letters.site import Site
from mailers.letters.template_values import UpdateFacts
from mailers.mail import NO_ADDRESS, Mail, Person, Skipped
from models import OrderUpdate, TeamMember, UpdateNote, UpdateSolve, clock
from models.email_address import normalised
from models.person_name import ANONYMOUS, greeting_name
from models.update_solve import PROMOTER_FROM

# How long a link in a mail rates a solved update.
LINK_LIFE = timedelta(days=30)

_GONE = Skipped("the update is gone")
_RATINGS_OFF = Skipped("ratings are switched off")


async def promoter(site: Site, update_id: UUID, **_params: Any) -> Mail | Skipped:
    """To the customer who gave 4 or 5 stars."""
    found = await _rated(site, update_id)
    if isinstance(found, Skipped):
        return found
    update, solve, facts = found
    if (solve.stars or 0) < PROMOTER_FROM:
        return Skipped("the rating has fewer stars now")
    return _to_customer(update) or update_letters.promoter(site, _customer(update), facts)


async def detractor(site: Site, update_id: UUID, **_params: Any) -> Mail | Skipped:
    """To the customer who gave 1 to 3 stars; an answer goes to the site's admin."""
    found = await _rated(site, update_id)
    if isinstance(found, Skipped):
        return found
    update, solve, facts = found
    if (solve.stars or 0) >= PROMOTER_FROM:
        return Skipped("the rating has more stars now")
    desk = _desk(site)
    subject = quote(update.order.external_id, safe="")
    link = f"mailto:{quote(desk, safe='@')}?subject={subject}" if desk else None
    letter = replace(facts, link=link)
    return _to_customer(update) or update_letters.detractor(
        site, _customer(update), letter, reply_to=desk
    )


async def alert(site: Site, update_id: UUID, **_params: Any) -> Mail | Skipped:
    """To the site's admin, of 1 to 3 stars."""
    found = await _rated(site, update_id)
    if isinstance(found, Skipped):
        return found
    if not site.settings.detractor_alert_enabled:
        return Skipped("the alert is switched off")
    _, solve, facts = found
    if (solve.stars or 0) >= PROMOTER_FROM:
        return Skipped("the rating has more stars now")
    desk = _desk(site)
    return update_letters.alert(site, Person("", desk), facts) if desk else NO_ADDRESS


async def solved(site: Site, update_id: UUID, *, solve: int, **_params: Any) -> Mail | Skipped:
    """To the customer, of the solve with this number."""
    update = await _still_solved(site, update_id, solve)
    if isinstance(update, Skipped):
        return update
    facts = _facts(update, link=_link(site, update), may_rate=site.settings.ratings_enabled)
    return _to_customer(update) or update_letters.solved(site, _customer(update), facts)


async def rating_request(
    site: Site, update_id: UUID, *, solve: int, **_params: Any
) -> Mail | Skipped:
    """To the customer who has not rated the solve with this number."""
    if not (site.settings.ratings_enabled and site.settings.rating_request_enabled):
        return _RATINGS_OFF
    update = await _still_solved(site, update_id, solve)
    if isinstance(update, Skipped):
        return update
    facts = _facts(update, link=_link(site, update))
    return _to_customer(update) or update_letters.rating_request(site, _customer(update), facts)


async def note_from_customer(
    site: Site, update_id: UUID, *, note_id: str, **_params: Any
) -> Mail | Skipped:
    """To whoever the update is assigned to now."""
    update, note = await _update(site, update_id), await _note(note_id)
    if update is None or note is None:
        return _GONE
    assignee: TeamMember | None = update.assignee
    if assignee is None:
        return Skipped("nobody is assigned any more")
    if not assignee.email:
        return NO_ADDRESS
    author_name = greeting_name(update.order.customer.display_name) or ANONYMOUS
    facts = _facts(update, note=note.body, author_name=author_name)
    to = Person(assignee.display_name, assignee.email, assignee.locale)
    return update_letters.note_from_customer(site, to, facts)


async def note_from_staff(
    site: Site, update_id: UUID, *, note_id: str, **_params: Any
) -> Mail | Skipped:
    """To the customer, of a note that the customer may see."""
    update, note = await _update(site, update_id), await _note(note_id)
    if update is None or note is None:
        return _GONE
    if note.internal or note.author is None:
        return Skipped("the note is internal")
    # Our own page is for rating; a storefront's shows the notes as well.
    link = _link(site, update) if site.settings.update_url_template else None
    facts = _facts(update, note=note.body, author_name=note.author.display_name, link=link)
    return _to_customer(update) or update_letters.note_from_staff(
        site, _customer(update), facts, reply_to=_desk(site)
    )


async def _rated(
    site: Site, update_id: UUID
) -> tuple[OrderUpdate, UpdateSolve, UpdateFacts] | Skipped:
    """The update with its rating, if both are still there."""
    if not site.settings.ratings_enabled:
        return _RATINGS_OFF
    update = await _update(site, update_id)
    if update is None:
        return _GONE
    latest = UpdateSolve.filter(update_id=update.id, number=update.solves)
    solve = await latest.select_related("credited_to").first()
    if solve is None or solve.stars is None:
        return Skipped("the rating is gone")
    author_name = solve.credited_to.display_name
    facts = _facts(update, stars=solve.stars, comment=solve.comment, author_name=author_name)
    return update, solve, facts


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
    """Updates with all that their mails tell, by their ids."""
    related = ("order__customer", "order__service", "assignee")
    found = await OrderUpdate.filter(id__in=ids).select_related(*related)
    return {update.id: update for update in found}


async def _update(site: Site, update_id: UUID) -> OrderUpdate | None:
    found = site.known if update_id in site.known else await updates([update_id])
    update: OrderUpdate | None = found.get(update_id)
    return update


async def _note(note_id: str) -> UpdateNote | None:
    return await UpdateNote.get_or_none(id=UUID(note_id)).select_related("author")


def _to_customer(update: OrderUpdate) -> Skipped | None:
    """Why nothing about this update goes to its customer, if so."""
    if not update.customer_visible:
        return Skipped("the update is internal")
    return None if _customer(update).address else NO_ADDRESS


def _customer(update: OrderUpdate) -> Person:
    order, customer = update.order, update.order.customer
    return Person(customer.display_name, order.address_of(customer), customer.locale)


def _desk(site: Site) -> str | None:
    """Where answers of customers go."""
    try:
        return normalised(site.settings.admin_email or "")
    except ValueError:
        return None


def _facts(update: OrderUpdate, **more: Any) -> UpdateFacts:
    return UpdateFacts(
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

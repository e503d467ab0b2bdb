"""Who of the team is told of what customers do: the assignee alone, else everybody.

Nobody is told of the own act. Mails for everybody go to the site's admin address.
"""

from collections.abc import Sequence
from typing import Any

import mailers
from models import Audience, OrderUpdate, Review, SiteSettings, TeamMember, TeamRole, clock
from models.one_round_trip import AT_ONCE, Writes
from resolvers import team_members

# Read by every admin; told where no member of the team is known who could be.
_ANY_ADMIN = mailers.Addressee(Audience.ADMIN, "admin", None)
_WHO_DECIDES = (TeamRole.MODERATOR, TeamRole.ADMIN)


async def tell_team(
    kind: str, update: OrderUpdate, settings: SiteSettings, *, occasion: str = "", **params: Any
) -> None:
    """Tell of what an update's customer did: its assignee by mail and notification.

    Without one, every active member is notified and the admin address gets the mail.
    """
    customer = update.customer_external_id
    if update.assignee_id is not None:
        assignee = await TeamMember.get(id=update.assignee_id)
        if assignee.is_active and assignee.external_id != customer:
            to = team_members.addressee(assignee)
            await mailers.deliver_later(kind, to=to, about=update, occasion=occasion, **params)
            return
    members = await team_members.active_members(*TeamRole)
    for to in _but(customer, members):
        await mailers.notify(kind, to=to, about=update, occasion=occasion)
    if settings.admin_email:
        await mailers.mail_later(
            kind,
            to=_admin(settings),
            about=update,
            due_at=clock.now(),
            occasion=occasion,
            admin=True,
            **params,
        )


async def tell_of_waiting(
    reviews: Sequence[Review],
    settings: SiteSettings,
    *,
    actor: str | None,
    writes: Writes = AT_ONCE,
) -> None:
    """Tell moderators and admins, but the actor, that reviews wait for a decision.

    Each gets a notification of each review. One mail, which gathers them, goes to the admin
    address, else to everybody with an address. Call it in the transaction that lets them wait.
    """
    if not reviews:
        return
    members = await team_members.active_members(*_WHO_DECIDES)
    occasion = clock.now().isoformat()
    for review in reviews:
        for to in _but(actor, members):
            await mailers.notify(
                "review.pending", to=to, about=review, occasion=occasion, writes=writes
            )
    if settings.admin_email:
        await mailers.gather_later("review.pending", to=_admin(settings), about=reviews[0])
        return
    for to in _but(actor, members):
        if to.email:
            member = to.external_id
            await mailers.gather_later("review.pending", to=to, about=reviews[0], member=member)


def _but(actor: str | None, members: Sequence[TeamMember]) -> list[mailers.Addressee]:
    """The addressees of all members but the actor; whoever is an admin if none is known."""
    if not members:
        return [_ANY_ADMIN]
    return [team_members.addressee(each) for each in members if each.external_id != actor]


def _admin(settings: SiteSettings) -> mailers.Addressee:
    return mailers.Addressee(Audience.ADMIN, "admin", settings.admin_email)

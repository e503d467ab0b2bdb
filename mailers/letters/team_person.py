"""The addressee of a mail to the team: a member, or the site's admin address."""

from mailers.letters.site import Site
from mailers.mail import NO_ADDRESS, Person, Skipped
from models import TeamMember
from models.email_address import normalised


async def team_person(site: Site, member: str | None) -> Person | Skipped:
    """The member with this external id; without one, the admin address."""
    if member is None:
        address = admin_address(site)
        return Person("", address) if address else NO_ADDRESS
    return of_member(await TeamMember.get_or_none(external_id=member))


def of_member(member: TeamMember | None) -> Person | Skipped:
    """A member who is active and has an address, or why there is no mail."""
    if member is None or not member.is_active:
        return Skipped("they are not in the team any more")
    if not member.email:
        return NO_ADDRESS
    return Person(member.display_name, member.email, member.locale)


def admin_address(site: Site) -> str | None:
    """Where customers' answers go: the site's admin, if there is a valid address."""
    try:
        return normalised(site.settings.admin_email or "")
    except ValueError:
        return None

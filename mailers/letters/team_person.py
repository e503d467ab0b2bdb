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
    return of_member(await site.reads.member(member))


def of_member(member: TeamMember | None) -> Person | Skipped:
    """A member who is active and has an address, or why there is no mail."""
    if member is None or not member.is_active:
        return Skipped("they are not in the team any more")
    if not member.email:
        return NO_ADDRESS
    return Person(member.display_name, member.email, member.locale)


async def answer_address(site: Site) -> str | None:
    """Where customers' answers go: the admin address, else those of active admins.

    Several are separated by commas, as in a header. None if nobody would read an answer.
    """
    if address := admin_address(site):
        return address
    return ",".join(str(each.email) for each in await site.reads.admins()) or None


def admin_address(site: Site) -> str | None:
    """The site's admin address, if it is a valid one."""
    try:
        return normalised(site.settings.admin_email or "")
    except ValueError:
        return None

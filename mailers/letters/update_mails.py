"""Renders the mails about updates, their ratings and notes from template values."""

from mailers.letters.rendering import render
from mailers.letters.share_links import Share, share
from mailers.letters.site import Site
from mailers.letters.template_values import UpdateValues
from mailers.mail import Mail, Person
from models import ShareAudience


def promoter(site: Site, to: Person, update: UpdateValues) -> Mail:
    """After 4 or 5 stars: thanks, the comment, and the share block."""
    return render("rating.promoter", site=site, to=to, update=update, share=share(site))


def detractor(site: Site, to: Person, update: UpdateValues, *, reply_to: str | None) -> Mail:
    """After 1 to 3 stars: an apology with Reply-To; the share block only if everybody gets it."""
    block: Share | None = None
    if site.settings.share_audience is ShareAudience.EVERYONE:
        block = share(site)
    return render(
        "rating.detractor", site=site, to=to, reply_to=reply_to, update=update, share=block
    )


def solved(site: Site, to: Person, update: UpdateValues) -> Mail:
    """To the customer: rate, or say that there is still an issue."""
    return render("update.solved", site=site, to=to, update=update)


def rating_request(site: Site, to: Person, update: UpdateValues) -> Mail:
    """To the customer who has not rated a solved update."""
    return render("update.rating_request", site=site, to=to, update=update)


def to_team(kind: str, site: Site, to: Person, update: UpdateValues) -> Mail:
    """To a member of the team or the admin address, about what happened to an update."""
    return render(kind, site=site, to=to, update=update)


def note_from_staff(site: Site, to: Person, update: UpdateValues, *, reply_to: str | None) -> Mail:
    """To the customer, with a note that the customer may see."""
    return render("note.from_staff", site=site, to=to, reply_to=reply_to, update=update)

"""Links to the share dialogs of four networks, filled in with our text and target.

Facebook and LinkedIn take the target only, and show its page's OpenGraph data.
"""

from dataclasses import dataclass
from urllib.parse import quote

from mailers.letters.site import Site
from models import token_text, web_address


@dataclass(frozen=True)
class ShareLink:
    network: str
    url: str


@dataclass(frozen=True)
class Share:
    """A share block: its buttons, and the text to copy for networks that take none."""

    text: str
    links: tuple[ShareLink, ...]


def share(site: Site) -> Share | None:
    """The site's share block; None unless its target is a web address."""
    values = {"site_name": site.name, "site_url": site.url}
    filled = token_text.filled(site.settings.promoter_share_url or "", values)
    try:
        target = web_address.checked(filled)
    except ValueError:
        return None
    text = token_text.filled(site.settings.promoter_share_text, values).strip()
    return Share(text, share_links(target, text))


def share_links(target: str, text: str) -> tuple[ShareLink, ...]:
    """Links with the target and the text percent-encoded, spaces as %20."""
    url, words = quote(target, safe=""), quote(text, safe="", errors="replace")
    return (
        ShareLink("Facebook", f"https://www.facebook.com/sharer/sharer.php?u={url}"),
        ShareLink("X", f"https://x.com/intent/tweet?text={words}&url={url}"),
        ShareLink("LinkedIn", f"https://www.linkedin.com/sharing/share-offsite/?url={url}"),
        ShareLink("WhatsApp", f"https://wa.me/?text={words}%20{url}"),
    )

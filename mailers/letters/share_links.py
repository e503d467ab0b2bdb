"""The share dialogs of four networks: addresses that open with our text and target in them.

Facebook and LinkedIn take the target only, and show what its page says of itself (OpenGraph).
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
    """What a share block shows: the buttons, and the text to copy where a network takes none."""

    text: str
    links: tuple[ShareLink, ...]


def share(site: Site) -> Share | None:
    """The share block of the site; None without a target, or with one that is no web address."""
    values = {"site_name": site.name, "site_url": site.url}
    filled = token_text.filled(site.settings.promoter_share_url or "", values)
    try:
        target = web_address.checked(filled)
    except ValueError:
        return None
    text = token_text.filled(site.settings.promoter_share_text, values).strip()
    return Share(text, share_links(target, text))


def share_links(target: str, text: str) -> tuple[ShareLink, ...]:
    """Everything is encoded after the tokens were replaced, spaces as %20."""
    url, words = quote(target, safe=""), quote(text, safe="", errors="replace")
    return (
        ShareLink("Facebook", f"https://www.facebook.com/sharer/sharer.php?u={url}"),
        ShareLink("X", f"https://x.com/intent/tweet?text={words}&url={url}"),
        ShareLink("LinkedIn", f"https://www.linkedin.com/sharing/share-offsite/?url={url}"),
        ShareLink("WhatsApp", f"https://wa.me/?text={words}%20{url}"),
    )

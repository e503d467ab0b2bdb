"""What the templates print, gathered from rows when a mail leaves: nothing else reaches them."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class ReviewFacts:
    order_number: str
    service_title: str
    vendor_name: str
    author_name: str
    rating: int
    body: str
    service_url: str | None = None
    reply: str | None = None
    # A RejectionReason, and the moderator's own words.
    reason: str | None = None
    note: str | None = None
    # Where the author changes it, while that is possible.
    link: str | None = None


@dataclass(frozen=True)
class OrderFacts:
    order_number: str
    service_title: str
    vendor_name: str
    link: str
    # None without end.
    last_day: date | None = None


@dataclass(frozen=True)
class UpdateFacts:
    order_number: str
    service_title: str
    title: str
    customer_name: str
    # Whether a solved update can be rated, or only be called unsolved.
    may_rate: bool = True
    # Where to rate, to answer or to look, depending on the mail.
    link: str | None = None
    stars: int | None = None
    comment: str | None = None
    note: str | None = None
    # Who wrote the note, or solved the update.
    author_name: str | None = None

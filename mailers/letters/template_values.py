"""Template values: all that templates may print, made from rows when a mail leaves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class ReviewValues:
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
    # Why an admin deleted it, or its reply.
    why: str | None = None
    # Where the author can change it; None after the window. For vendors: where they work.
    link: str | None = None
    # The version before an admin's edit.
    before: "ReviewValues | None" = None


@dataclass(frozen=True)
class WaitingValues:
    """The newest reviews that wait for a decision, and how many there are."""

    number: int
    reviews: Sequence[ReviewValues]
    link: str | None = None

    @property
    def others(self) -> int:
        return self.number - len(self.reviews)


@dataclass(frozen=True)
class OrderValues:
    order_number: str
    service_title: str
    vendor_name: str
    link: str
    # None if the window is unlimited.
    last_day: date | None = None


@dataclass(frozen=True)
class UpdateValues:
    order_number: str
    service_title: str
    title: str
    customer_name: str
    # Whether the mail asks for an answer: there is somebody who reads it.
    asks: bool = False
    # Whether a solved update can be rated, or only be reopened.
    may_rate: bool = True
    # Where to rate, answer or read, depending on the kind.
    link: str | None = None
    stars: int | None = None
    comment: str | None = None
    note: str | None = None
    # Who wrote the note, or solved the update.
    author_name: str | None = None

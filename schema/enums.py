"""Enumerations of the lower layers, as types of the schema with descriptions."""

from enum import Enum

import strawberry

import models
from models.site_settings import DEFAULT_SELLER_LEVELS
from resolvers.local_period import Interval
from resolvers.order_rows import Outcome
from resolvers.review_eligibility import IneligibilityReason
from resolvers.review_list import ReviewSort
from resolvers.service_standing import LADDER, SellerLevel, ServiceStanding
from resolvers.services import ServiceSort
from resolvers.team_feed import MemberOutcome
from resolvers.tracking_log import TrackingKind
from resolvers.update_list import OrderUpdateSort
from resolvers.viewer import Role


def describe_enum(
    enum: type[Enum], description: str, /, name: str | None = None, **values: str
) -> None:
    """Make an enumeration a type of the schema, with a description of each value.

    Raises TypeError unless `values` has exactly the enumeration's names.
    """
    if differing := values.keys() ^ {value.name for value in enum}:
        raise TypeError(f"Of {enum.__name__}, {differing} is described or a value, and not both.")
    strawberry.enum(enum, name=name, description=description)
    definition = enum.__strawberry_definition__  # type: ignore[attr-defined]
    for value in definition.values:
        value.description = values[value.name]


def _threshold(standing: ServiceStanding) -> str:
    return next(f"{least / 100:.1f}" for least, each in LADDER if each is standing)


describe_enum(
    Role,
    "Whom the server takes you for.",
    ANONYMOUS="Nobody in particular: reads what is public.",
    CUSTOMER="Buys services: reviews own completed orders, votes.",
    GUEST="Came by a signed link from a mail: one order or update, nothing else.",
    VENDOR="Sells services: replies to reviews of them.",
    STAFF="Works for the marketplace: handles order updates.",
    MODERATOR="As STAFF, and decides reviews: sees all of them, and who wrote them.",
    ADMIN="Runs the site: moderates, edits and deletes reviews, changes settings.",
    INTEGRATION="A program with an API key: what its scopes allow, beside what everybody may.",
)
describe_enum(
    models.TeamRole,
    "What a member of the team is to the marketplace. Their rights come from their token.",
    STAFF="Handles order updates.",
    MODERATOR="As STAFF, and decides reviews.",
    ADMIN="Runs the site.",
)
describe_enum(
    MemberOutcome,
    "What a row of `upsertTeamMembers` did.",
    CREATED="The member was new.",
    UPDATED="Something of the member changed.",
    UNCHANGED="Nothing changed.",
)
describe_enum(
    models.OrderStatus,
    "How far an order is. Only a completed one can be reviewed.",
    PENDING="Placed, not begun.",
    IN_PROGRESS="Being worked on.",
    DELIVERED="Handed over, not accepted yet: not completed.",
    COMPLETED="Done. Its review window runs.",
    CANCELLED="Called off.",
    REFUNDED="Paid back. A review already there stays and counts.",
    DISPUTED="In dispute. No review meanwhile, and the window goes on.",
)
describe_enum(
    models.ReviewStatus,
    "Whether a review is public. Averages count approved ones only.",
    PENDING="Waits for a decision; seen by its author, moderators and admins.",
    APPROVED="Public.",
    REJECTED="Refused with a reason; seen by its author, moderators and admins.",
)
describe_enum(
    models.RejectionReason,
    "Why a review was refused. None of them is about the stars.",
    SPAM="Advertising or nonsense.",
    OFFENSIVE="Insults, hatred or threats.",
    PERSONAL_INFORMATION="Names somebody's private data.",
    OFF_TOPIC="Not about the service of this order.",
    FAKE="Not a real experience.",
    CONFLICT_OF_INTEREST="Written by the vendor, a competitor or for a reward.",
    ILLEGAL="Against the law.",
    OTHER="Something else; the note says what.",
)
describe_enum(
    models.EditedBy,
    "Who wrote a version of a review.",
    AUTHOR="Its author.",
    ADMIN="An admin, in the author's place.",
)
describe_enum(
    ReviewSort,
    "How a list of reviews is ordered. Equals are ordered newest first, then by id.",
    name="ReviewOrder",
    NEWEST="By the time of writing, newest first; a slow moderator changes nothing.",
    OLDEST="By the time of writing, oldest first: what has waited longest.",
    HIGHEST="Most stars first.",
    LOWEST="Fewest stars first.",
    MOST_HELPFUL="Most helpful votes first.",
)
describe_enum(
    ServiceSort,
    "How a list of services is ordered.",
    name="ServiceOrder",
    RANKING=(
        "By standing (featured, normal, unrated, lowered), then average, then number of reviews."
        " Hidden ones are left out unless the filter asks for them."
    ),
    NEWEST="Newest first. Hidden ones stay in.",
    TITLE="By title, case ignored. Hidden ones stay in.",
)
describe_enum(
    ServiceStanding,
    "What a service's published average earns it in rankings.",
    FEATURED=f"{_threshold(ServiceStanding.FEATURED)} stars or more.",
    NORMAL=f"{_threshold(ServiceStanding.NORMAL)} stars or more.",
    LOWERED=f"Below {_threshold(ServiceStanding.NORMAL)} stars.",
    HIDDEN=f"Below {_threshold(ServiceStanding.LOWERED)} stars: left out of rankings.",
    UNRATED="No published review yet.",
)
describe_enum(
    SellerLevel,
    "What a vendor's average and number of reviews have reached (`Settings.sellerLevels`).",
    NEW_SELLER="No level reached yet.",
    **{
        rule["level"]: f"By default from {rule['min_average'] / 100:.1f} stars"
        f" and {rule['min_reviews']} reviews."
        for rule in DEFAULT_SELLER_LEVELS
    },
)
describe_enum(
    IneligibilityReason,
    "Why an order cannot be reviewed now. Tested in this order; the first that applies is told.",
    SIGN_IN_REQUIRED="Nobody is signed in.",
    ORDER_NOT_FOUND="There is no such order, or you are no party to it.",
    NOT_THE_CUSTOMER="You see the order, but did not receive the service.",
    OWN_SERVICE="Customer and vendor are the same person.",
    ORDER_NOT_COMPLETED="The order is not completed yet.",
    ORDER_CANCELLED="The order was cancelled.",
    ORDER_REFUNDED="The order was refunded.",
    ORDER_DISPUTED="The order is in dispute.",
    ALREADY_REVIEWED="The order has a review, or had one that was deleted.",
    WINDOW_CLOSED="The time to review is over.",
)
describe_enum(
    models.ShareAudience,
    "Who is invited to share their experience after rating a solved update.",
    PROMOTERS="Those who gave 4 or 5 stars. Some review sites forbid to ask only the happy ones.",
    EVERYONE="All who rated, whatever the stars.",
)
describe_enum(
    Outcome,
    "What a row of the order feed did.",
    name="OrderOutcome",
    CREATED="The order was new.",
    UPDATED="The order, or what it says of it, changed.",
    UNCHANGED="Nothing of the order changed.",
    STALE="Nothing at all: the row is older (`updatedAt`) than what is stored.",
)
describe_enum(
    models.OrderUpdateStatus,
    "How far an order update is.",
    OPEN="Being worked on.",
    SOLVED="Done, says the team: the customer can rate it or say that there is still an issue.",
    CLOSED="Rated: read-only for everybody, for good. A new problem is a new update.",
)
describe_enum(
    models.MailStatus,
    "What became of a mail.",
    SCHEDULED="Waits: until it is due, for another try, or for the relay to come back.",
    SENDING="On its way: a worker holds it.",
    SENT="The relay took it.",
    CANCELLED="Not sent: its cause is gone, nobody wants it, or an admin stopped it.",
    EXPIRED="Not sent: it came too late to be of use.",
    DEAD="Refused for good, or tried ten times.",
    UNCERTAIN="Handed over, and no answer came: it may have been sent. An admin decides.",
)
describe_enum(
    OrderUpdateSort,
    "How a list of updates is ordered. Equals are ordered by id.",
    name="OrderUpdateOrder",
    LATEST_ACTIVITY="By the last thing that happened and that you can see, latest first.",
    NEWEST="By the time of opening, newest first.",
    OLDEST="By the time of opening, oldest first: what waits longest.",
)
describe_enum(
    Interval,
    "The steps of a trend.",
    DAY="Days of the site's time zone.",
    WEEK="Weeks from Monday to Sunday.",
    MONTH="Months of the calendar.",
)
describe_enum(
    TrackingKind,
    "What an event of the tracking log tells of.",
    UPDATE_OPENED="An update was opened.",
    UPDATE_ASSIGNED="An update was assigned to somebody.",
    UPDATE_UNASSIGNED="An update was assigned to nobody.",
    UPDATE_SOLVED="An update was solved, with notice to the customer or without.",
    UPDATE_REOPENED="The team opened a solved update again.",
    UPDATE_STILL_HAS_ISSUE="The customer opened a solved update again.",
    UPDATE_RATED="A solved update was rated and so closed.",
    NOTE_POSTED="Somebody wrote under an update.",
    REVIEW_EDITED="A review was edited.",
    REVIEW_APPROVED="A moderator or admin published a review.",
    REVIEW_REJECTED="A moderator or admin rejected a review.",
    REVIEW_HELD="A moderator or admin took a review back to pending.",
    REVIEW_DELETED="An admin deleted a review.",
    MAIL_RETRIED="An admin had a mail sent once more.",
    MAIL_CANCELLED="An admin stopped a mail.",
    REPLY_DELETED="An admin deleted a vendor's reply.",
    ORDER_HANDED_OVER="An order, with its review, became another customer's: from, to.",
    ORDER_STATUS_CHANGED="A vendor's own key changed the status of an order: was, now.",
    PERSON_CHANGED="The feed changed the name, address or language of a known person.",
    SETTINGS_CHANGED="An admin changed settings.",
    MEMBER_CHANGED="A member of the team was added, changed or made active again: changed, role.",
    MEMBER_DEACTIVATED="A member of the team was deactivated.",
    LINKS_REVOKED="An admin revoked all links to an order that mails had carried.",
)

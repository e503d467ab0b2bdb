"""Refusals as clients read them: data of a mutation, or an error with a code. Only here."""

from enum import StrEnum
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.utils.str_converters import to_camel_case

from models.unavailable import Unavailable
from resolvers import errors, outages
from schema.enums import described


class ErrorCode(StrEnum):
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    INVALID = "INVALID"
    CONFLICT = "CONFLICT"
    RATING_OUT_OF_RANGE = "RATING_OUT_OF_RANGE"
    BODY_TOO_SHORT = "BODY_TOO_SHORT"
    BODY_TOO_LONG = "BODY_TOO_LONG"
    ORDER_NOT_COMPLETED = "ORDER_NOT_COMPLETED"
    ORDER_CANCELLED = "ORDER_CANCELLED"
    ORDER_REFUNDED = "ORDER_REFUNDED"
    ORDER_DISPUTED = "ORDER_DISPUTED"
    NOT_THE_CUSTOMER = "NOT_THE_CUSTOMER"
    OWN_SERVICE = "OWN_SERVICE"
    ALREADY_REVIEWED = "ALREADY_REVIEWED"
    WINDOW_CLOSED = "WINDOW_CLOSED"
    ALREADY_REPLIED = "ALREADY_REPLIED"
    NOT_THE_VENDOR = "NOT_THE_VENDOR"
    OWN_REVIEW = "OWN_REVIEW"
    NOT_PUBLISHED = "NOT_PUBLISHED"
    VOTES_DISABLED = "VOTES_DISABLED"
    RATINGS_DISABLED = "RATINGS_DISABLED"
    COMMENTS_DISABLED = "COMMENTS_DISABLED"
    NOT_SOLVED = "NOT_SOLVED"
    ALREADY_RATED = "ALREADY_RATED"
    UPDATE_CLOSED = "UPDATE_CLOSED"
    TOO_OFTEN = "TOO_OFTEN"
    UNAVAILABLE = "UNAVAILABLE"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"


described(
    ErrorCode,
    "Why a mutation was refused. Codes are stable; the sentences beside them may change.",
    UNAUTHENTICATED="Sign in first: send a token, a key or a link's token as a Bearer token.",
    FORBIDDEN="You are known, but may not do this.",
    NOT_FOUND="There is no such thing, or it is not yours to see.",
    INVALID="A value cannot be accepted; the message says which are.",
    CONFLICT="It contradicts what is stored, or changed in the meantime.",
    RATING_OUT_OF_RANGE="A rating is a whole number from 1 to 5.",
    BODY_TOO_SHORT="The text has too few characters (a review needs 10, a reply 1).",
    BODY_TOO_LONG="The text has more than 20,000 characters.",
    ORDER_NOT_COMPLETED="The order is not completed yet; delivered is not completed.",
    ORDER_CANCELLED="The order was cancelled.",
    ORDER_REFUNDED="The order was refunded: new reviews are closed, a review already there stays.",
    ORDER_DISPUTED="The order is in dispute; the window goes on meanwhile.",
    NOT_THE_CUSTOMER="Only the customer of the order can review it.",
    OWN_SERVICE="Customer and vendor of the order are the same person.",
    ALREADY_REVIEWED="The order has a review, or had one that was deleted. One per order.",
    WINDOW_CLOSED="The time to review or to edit is over (`Settings.reviewWindowDays`).",
    ALREADY_REPLIED="The review has its one reply.",
    NOT_THE_VENDOR="Only the reviewed vendor replies; not even an admin does so in their name.",
    OWN_REVIEW="Nobody votes for their own review.",
    NOT_PUBLISHED="The review is not public (any more).",
    VOTES_DISABLED="Helpful votes are off (`Settings.helpfulVotesEnabled`).",
    RATINGS_DISABLED="Ratings of solved updates are off (`Settings.ratingsEnabled`).",
    COMMENTS_DISABLED="Comments with ratings are off (`Settings.ratingCommentsEnabled`).",
    NOT_SOLVED="The update is not solved, so it cannot be rated.",
    ALREADY_RATED="The update was rated. Ratings are final.",
    UPDATE_CLOSED="The update was rated and is closed for good; open a new one.",
    TOO_OFTEN="More than 120 steps about one order in an hour, or 1,000 in all by its customer.",
    UNAVAILABLE="The database cannot be used for now. Nothing was stored; ask again in a moment.",
    OUTCOME_UNKNOWN=(
        "Nobody knows whether it was stored. Ask again with the same idempotency key; without one,"
        " look first."
    ),
)


# Of the `errors` in a payload.
NOT_DONE = "Why nothing was done; empty when it was."


@strawberry.type(description="A refusal that a person can do something about.")
class UserError:
    code: ErrorCode = strawberry.field(description="What is wrong, for programs.")
    field: list[str] | None = strawberry.field(
        description=(
            'The path of the argument at fault, such as `["input", "rating"]`;'
            " null when no single one is."
        )
    )
    message: str = strawberry.field(description="What is wrong, for people.")

    @classmethod
    def of(cls, error: errors.UserError) -> "UserError":
        return cls(
            code=ErrorCode(error.code),
            field=["input", *map(to_camel_case, error.field)] if error.field else None,
            message=error.message,
        )


def refusal(error: GraphQLError) -> errors.UserError | None:
    """The refusal behind an error of execution, if it is one; anything else is a bug or a typo."""
    original = error.original_error
    while isinstance(original, GraphQLError) and original.original_error is not None:
        original = original.original_error
    if isinstance(original, Unavailable):
        return outages.refused(original)
    return original if isinstance(original, errors.UserError) else None


def as_error(error: GraphQLError, refused: errors.UserError) -> GraphQLError:
    """A refused query, with a stable code in its extensions."""
    extensions: dict[str, Any] = {"code": refused.code}
    if refused.field:
        extensions["field"] = [to_camel_case(name) for name in refused.field]
    return GraphQLError(
        refused.message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions,
    )

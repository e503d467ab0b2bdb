"""The one place that turns refusals into data of a mutation or into errors with a code."""

from enum import StrEnum
from typing import Any, Self

import strawberry
from graphql import GraphQLError
from strawberry.utils.str_converters import to_camel_case

from models.unavailable import Unavailable
from resolvers import errors, frequency, outages, user_text
from schema.enums import describe_enum


class ErrorCode(StrEnum):
    """The code of each refusal, with its description for clients."""

    description: str

    def __new__(cls, refusal: type[errors.Refusal], description: str) -> Self:
        code = str.__new__(cls, refusal.code)
        code._value_, code.description = refusal.code, description
        return code

    UNAUTHENTICATED = (
        errors.Unauthenticated,
        "Sign in first: send a token, a key or a link's token as a Bearer token.",
    )
    FORBIDDEN = errors.Forbidden, "You are known, but may not do this."
    NOT_FOUND = errors.NotFound, "There is no such thing, or it is not yours to see."
    INVALID = errors.Invalid, "A value cannot be accepted; the message says which are."
    CONFLICT = errors.Conflict, "It contradicts what is stored, or changed in the meantime."
    RATING_OUT_OF_RANGE = errors.RatingOutOfRange, "A rating is a whole number from 1 to 5."
    BODY_TOO_SHORT = (
        errors.BodyTooShort,
        f"The text has too few characters (a review needs {user_text.BODY_MIN}, a reply 1).",
    )
    BODY_TOO_LONG = errors.BodyTooLong, f"The text has more than {user_text.BODY_MAX:,} characters."
    ORDER_NOT_COMPLETED = (
        errors.OrderNotCompleted,
        "The order is not completed yet; delivered is not completed.",
    )
    ORDER_CANCELLED = errors.OrderCancelled, "The order was cancelled."
    ORDER_REFUNDED = (
        errors.OrderRefunded,
        "The order was refunded: new reviews are closed, a review already there stays.",
    )
    ORDER_DISPUTED = errors.OrderDisputed, "The order is in dispute; the window goes on meanwhile."
    NOT_THE_CUSTOMER = errors.NotTheCustomer, "Only the customer of the order can review it."
    OWN_SERVICE = errors.OwnService, "Customer and vendor of the order are the same person."
    ALREADY_REVIEWED = (
        errors.AlreadyReviewed,
        "The order has a review, or had one that was deleted. One per order.",
    )
    WINDOW_CLOSED = (
        errors.WindowClosed,
        "The time to review (`Settings.reviewWindowDays`) or to edit (`reviewEditDays`) is over.",
    )
    ALREADY_REPLIED = errors.AlreadyReplied, "The review has its one reply."
    NOT_THE_VENDOR = (
        errors.NotTheVendor,
        "Only the reviewed vendor replies; not even an admin does so in their name.",
    )
    OWN_REVIEW = errors.OwnReview, "Nobody votes for their own review."
    NOT_PUBLISHED = errors.NotPublished, "The review is not public (any more)."
    VOTES_DISABLED = errors.VotesDisabled, "Helpful votes are off (`Settings.helpfulVotesEnabled`)."
    RATINGS_DISABLED = (
        errors.RatingsDisabled,
        "Ratings of solved updates are off (`Settings.ratingsEnabled`).",
    )
    COMMENTS_DISABLED = (
        errors.CommentsDisabled,
        "Comments with ratings are off (`Settings.ratingCommentsEnabled`).",
    )
    NOT_SOLVED = errors.NotSolved, "The update is not solved, so it cannot be rated."
    ALREADY_RATED = errors.AlreadyRated, "The update was rated. Ratings are final."
    UPDATE_CLOSED = (
        errors.UpdateClosed,
        "The update was rated and is closed for good; open a new one.",
    )
    TOO_OFTEN = (
        errors.TooOften,
        (
            f"More than {frequency.MAX_RECENT} steps about one order in an hour, or"
            f" {frequency.MAX_EVER:,} in all by its customer."
        ),
    )
    OPERATION_TIMEOUT = (
        errors.ScanTimeout,
        "A search or a rare filter took too long. Narrow it to a service or vendor, or sign in.",
    )
    UNAVAILABLE = (
        errors.DatabaseUnavailable,
        "The database cannot be used for now. Nothing was stored; ask again in a moment.",
    )
    OUTCOME_UNKNOWN = (
        errors.OutcomeUnknown,
        (
            "Nobody knows whether it was stored. Ask again with the same idempotency key; without"
            " one, look first."
        ),
    )


describe_enum(
    ErrorCode,
    "Why a mutation was refused. Codes are stable; the sentences beside them may change.",
    **{code.name: code.description for code in ErrorCode},
)


# The description of `errors` in every payload.
ERRORS_DESCRIPTION = "Why nothing was done; empty when it was."


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
    def of(cls, error: errors.Refusal) -> "UserError":
        return cls(
            code=ErrorCode[error.code],
            field=["input", *map(to_camel_case, error.field)] if error.field else None,
            message=error.message,
        )


def refusal_of(error: GraphQLError) -> errors.Refusal | None:
    """The refusal that caused an execution error; None for a bug or invalid input."""
    original = error.original_error
    while isinstance(original, GraphQLError) and original.original_error is not None:
        original = original.original_error
    if isinstance(original, Unavailable):
        return outages.refusal_of(original)
    return original if isinstance(original, errors.Refusal) else None


def as_error(error: GraphQLError, refusal: errors.Refusal) -> GraphQLError:
    """A refusal as a GraphQL error, with its code in the extensions."""
    extensions: dict[str, Any] = {"code": refusal.code}
    if refusal.field:
        extensions["field"] = [to_camel_case(name) for name in refusal.field]
    return GraphQLError(
        refusal.message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions,
    )

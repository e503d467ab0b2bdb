"""Every refusal, one class each. The docstring is the message; `code` is public API."""

from typing import ClassVar


class Refusal(Exception):
    """The request cannot be fulfilled."""

    code: ClassVar[str] = "INVALID"

    def __init__(self, *field: str, message: str | None = None) -> None:
        """`field` is the path of the faulty value within `input`, such as `("rating",)`."""
        self.field = list(field)
        self.message = message or " ".join((type(self).__doc__ or "").split())
        super().__init__(self.message)

    @property
    def all(self) -> "list[Refusal]":
        """Every refusal of the same input, this one included."""
        return [self]


class Unauthenticated(Refusal):
    """Sign in first."""

    code = "UNAUTHENTICATED"


class Forbidden(Refusal):
    """You may not do this."""

    code = "FORBIDDEN"


class NotFound(Refusal):
    """There is no such thing, or it is not yours to see."""

    code = "NOT_FOUND"


class Invalid(Refusal):
    """This value cannot be accepted."""

    code = "INVALID"


class Conflict(Refusal):
    """This contradicts what is already stored."""

    code = "CONFLICT"


class RatingOutOfRange(Refusal):
    """A rating is a whole number of stars from 1 to 5."""

    code = "RATING_OUT_OF_RANGE"


class BodyTooShort(Refusal):
    """The text is too short."""

    code = "BODY_TOO_SHORT"


class BodyTooLong(Refusal):
    """The text is too long."""

    code = "BODY_TOO_LONG"


class OrderNotCompleted(Refusal):
    """The order is not completed yet."""

    code = "ORDER_NOT_COMPLETED"


class OrderCancelled(Refusal):
    """The order was cancelled."""

    code = "ORDER_CANCELLED"


class OrderRefunded(Refusal):
    """The order was refunded."""

    code = "ORDER_REFUNDED"


class OrderDisputed(Refusal):
    """The order is in dispute. It can be reviewed when the dispute is settled."""

    code = "ORDER_DISPUTED"


class NotTheCustomer(Refusal):
    """Only the customer of an order can review it."""

    code = "NOT_THE_CUSTOMER"


class OwnService(Refusal):
    """Nobody reviews their own service."""

    code = "OWN_SERVICE"


class AlreadyReviewed(Refusal):
    """This order has been reviewed."""

    code = "ALREADY_REVIEWED"


class WindowClosed(Refusal):
    """The time to review this order is over."""

    code = "WINDOW_CLOSED"


class AlreadyReplied(Refusal):
    """This review has a reply already."""

    code = "ALREADY_REPLIED"


class NotTheVendor(Refusal):
    """Only the vendor who was reviewed can reply."""

    code = "NOT_THE_VENDOR"


class OwnReview(Refusal):
    """Nobody votes for their own review."""

    code = "OWN_REVIEW"


class NotPublished(Refusal):
    """The review is not published."""

    code = "NOT_PUBLISHED"


class VotesDisabled(Refusal):
    """Helpful votes are switched off on this site."""

    code = "VOTES_DISABLED"


class RatingsDisabled(Refusal):
    """Ratings of solved updates are switched off on this site."""

    code = "RATINGS_DISABLED"


class CommentsDisabled(Refusal):
    """Comments with ratings are switched off on this site: stars alone are welcome."""

    code = "COMMENTS_DISABLED"


class NotSolved(Refusal):
    """The update is not solved."""

    code = "NOT_SOLVED"


class AlreadyRated(Refusal):
    """The update was rated. Ratings are final."""

    code = "ALREADY_RATED"


class UpdateClosed(Refusal):
    """The update was rated and is closed for good. A new problem is a new update."""

    code = "UPDATE_CLOSED"


class TooOften(Refusal):
    """This was done very often. Try again in an hour."""

    code = "TOO_OFTEN"


class ScanTimeout(Refusal):
    """This search took too long. Search in one service or vendor, or sign in."""

    code = "OPERATION_TIMEOUT"


class DatabaseUnavailable(Refusal):
    """The database cannot be used for now. Nothing of this was stored: ask again in a moment."""

    code = "UNAVAILABLE"


class OutcomeUnknown(Refusal):
    """
    Nobody knows whether this was stored: its answer did not come. Look at what it is about before
    you ask again.
    """

    code = "OUTCOME_UNKNOWN"

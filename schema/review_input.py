"""Inputs and payloads of reviews."""

from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry
from strawberry import UNSET, Info

from models import RejectionReason, ReviewStatus
from resolvers.review_moderation import MAX_BATCH, MAX_NOTE
from resolvers.reviews import MAX_REASON
from resolvers.user_text import BODY_MAX, BODY_MIN, MAX_ID
from schema import ids
from schema.context import Context
from schema.errors import ERRORS_DESCRIPTION, UserError
from schema.mutation_field import present_in_payload
from schema.references import OrderRef, ReviewId
from schema.review import Review

_NOTE = f"For the author, moderators and admins, {MAX_NOTE:,} characters at most."
_EXPECTED = (
    "The review's `editedAt` as you read it, null for one that was never edited, or the"
    " `submittedAt` of its `pendingVersion`; a later edit is a CONFLICT. Left out: not checked."
)


@strawberry.input(description="A review of a completed order.")
class CreateReviewInput:
    order: OrderRef = strawberry.field(
        description="Your order. Names service and vendor by itself."
    )
    rating: int = strawberry.field(description="Whole stars, 1 to 5.")
    body: str = strawberry.field(
        description=f"Plain text of {BODY_MIN} to {BODY_MAX:,} characters;"
        " blanks around it do not count."
    )
    communication: int | None = strawberry.field(
        default=None,
        description="How the vendor communicated, 1 to 5. No part of the main average.",
    )
    quality: int | None = strawberry.field(
        default=None, description="The quality of the service, 1 to 5."
    )
    value: int | None = strawberry.field(default=None, description="Value for money, 1 to 5.")
    idempotency_key: str | None = strawberry.field(
        default=None,
        description=(
            f"A key of your making, of {MAX_ID} characters at most. The same key and input again"
            " answers with the first review; the same key with another input is a CONFLICT."
        ),
    )


@strawberry.input(description="Changes to a review: only what is given changes.")
class EditReviewInput:
    review_id: ReviewId = strawberry.field(description="Which review.")
    rating: int | None = strawberry.field(default=UNSET, description="Whole stars, 1 to 5.")
    body: str | None = strawberry.field(
        default=UNSET, description=f"Plain text of {BODY_MIN} to {BODY_MAX:,} characters."
    )
    communication: int | None = strawberry.field(
        default=UNSET, description="1 to 5; null takes it back."
    )
    quality: int | None = strawberry.field(default=UNSET, description="1 to 5; null takes it back.")
    value: int | None = strawberry.field(default=UNSET, description="1 to 5; null takes it back.")


@strawberry.input(description="A reply to a review.")
class ReplyToReviewInput:
    review_id: ReviewId = strawberry.field(description="Which review.")
    body: str = strawberry.field(description=f"Plain text of 1 to {BODY_MAX:,} characters.")


@strawberry.input(description="Which review to delete, and why.")
class DeleteReviewInput:
    review_id: ReviewId = strawberry.field(description="Which review.")
    reason: str = strawberry.field(
        description=f"For the log and the mail to its author, 1 to {MAX_REASON:,} characters."
    )


@strawberry.input(description="Which reply to delete, and why.")
class DeleteReplyInput:
    review_id: ReviewId = strawberry.field(description="The review it answers.")
    reason: str = strawberry.field(
        description=f"For the log and the mail to its author, 1 to {MAX_REASON:,} characters."
    )


@strawberry.input(description="Which review to publish, or the edit of it that waits.")
class ApproveReviewInput:
    review_id: ReviewId = strawberry.field(description="Which review.")
    note: str | None = strawberry.field(default=None, description=_NOTE)
    expected_edited_at: datetime | None = strawberry.field(default=UNSET, description=_EXPECTED)


@strawberry.input(description="Which review to reject, or the edit of it that waits, and why.")
class RejectReviewInput:
    review_id: ReviewId = strawberry.field(description="Which review.")
    reason: RejectionReason = strawberry.field(description="Why; its author will read it.")
    note: str | None = strawberry.field(default=None, description=_NOTE)
    expected_edited_at: datetime | None = strawberry.field(default=UNSET, description=_EXPECTED)


@strawberry.input(description="A decision on one review of several.")
class ModerationInput:
    review_id: ReviewId = strawberry.field(description="Which review.")
    status: ReviewStatus = strawberry.field(
        description="APPROVED, REJECTED, or PENDING to take a decision back: the review then waits"
        " as its author wrote it last."
    )
    reason: RejectionReason | None = strawberry.field(
        default=None, description="Why; required when it is rejected, and only then."
    )
    note: str | None = strawberry.field(default=None, description=_NOTE)
    expected_edited_at: datetime | None = strawberry.field(default=UNSET, description=_EXPECTED)


@strawberry.input(description="Decisions on several reviews.")
class ModerateReviewsInput:
    decisions: list[ModerationInput] = strawberry.field(
        description=f"{MAX_BATCH} at most. With the longest notes, over HTTP and as variables."
    )


@strawberry.input(description="Which review.")
class VoteInput:
    review_id: ReviewId = strawberry.field(description="Which review.")


@strawberry.type(description="The review, or why nothing was done.")
class ReviewPayload:
    review: Review | None = strawberry.field(
        default=None, description="The review as it is now; null when refused."
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description=ERRORS_DESCRIPTION)

    @classmethod
    async def of(cls, info: Info[Context, None], row: Any) -> "ReviewPayload":
        return cls(review=await present_in_payload(info, "Review", row))


@strawberry.type(description="What was deleted, or why nothing was.")
class DeletePayload:
    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of what is gone; null when refused."
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description=ERRORS_DESCRIPTION)

    @classmethod
    async def of(cls, _info: Info[Context, None], key: UUID) -> "DeletePayload":
        return cls(deleted_id=strawberry.ID(ids.encode("Review", key)))


@strawberry.type(description="What became of one decision.")
class ModerationResult:
    review_id: strawberry.ID = strawberry.field(description="The id that was sent.")
    review: Review | None = strawberry.field(
        default=None, description="The review as it is now; null when refused."
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description=ERRORS_DESCRIPTION)


@strawberry.type(description="As many results as decisions, in their order.")
class ModerateReviewsPayload:
    results: list[ModerationResult] = strawberry.field(
        default_factory=list, description="One for each decision."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why none was looked at; empty when they were."
    )

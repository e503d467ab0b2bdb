"""What can be done with reviews."""

from dataclasses import replace
from functools import partial
from typing import Annotated, Any

import strawberry
from strawberry import UNSET, Info

from models import RejectionReason, ReviewStatus
from models.outcome import once_more, watched
from models.unavailable import Unavailable
from resolvers import (
    outages,
    review_edits,
    review_moderation,
    review_replies,
    review_votes,
    reviews,
    rights,
)
from resolvers.errors import Invalid
from resolvers.errors import UserError as Refusal
from resolvers.review_moderation import Decision
from schema import ids
from schema.context import Context
from schema.errors import UserError
from schema.fetch import present
from schema.mutation_field import Input, mutation
from schema.review_input import (
    ApproveReviewInput,
    CreateReviewInput,
    DeletePayload,
    DeleteReplyInput,
    DeleteReviewInput,
    EditReviewInput,
    ModerateReviewsInput,
    ModerateReviewsPayload,
    ModerationInput,
    ModerationResult,
    RejectReviewInput,
    ReplyToReviewInput,
    ReviewPayload,
    VoteInput,
)
from schema.scalars import moment
from schema.selection import Selection, selected


@strawberry.type(description="What can be done with reviews.")
class ReviewMutation:
    @mutation(
        ReviewPayload,
        rights.may_review,
        "Review a completed order, as its customer, once. `reviewEligibility` tells beforehand.",
    )
    async def create_review(
        self, info: Info[Context, None], input: Annotated[CreateReviewInput, Input]
    ) -> ReviewPayload:
        row = await reviews.create_review(
            info.context.viewer,
            order=input.order.as_ref("Order", "order"),
            idempotency_key=input.idempotency_key,
            **input.written(),
        )
        return await _reviewed(info, row)

    @mutation(
        ReviewPayload,
        rights.may_edit_reviews,
        "Change a review: its author while the time to review lasts, an admin at any time. Earlier"
        " versions are kept. With moderation on, an author's edit waits for an admin again.",
    )
    async def edit_review(
        self, info: Info[Context, None], input: Annotated[EditReviewInput, Input]
    ) -> ReviewPayload:
        row = await review_edits.edit_review(
            info.context.viewer,
            review_id=ids.key_of("Review", input.review_id, "reviewId"),
            **input.changes(),
        )
        return await _reviewed(info, row)

    @mutation(
        DeletePayload,
        rights.may_moderate,
        "Delete a review for good, as an admin, with a reason for the log. Its order cannot be"
        " reviewed again.",
    )
    async def delete_review(
        self, info: Info[Context, None], input: Annotated[DeleteReviewInput, Input]
    ) -> DeletePayload:
        key = await reviews.delete_review(
            info.context.viewer,
            review_id=ids.key_of("Review", input.review_id, "reviewId"),
            reason=input.reason,
        )
        return DeletePayload(deleted_id=strawberry.ID(ids.encode("Review", key)))

    @mutation(
        ReviewPayload,
        rights.may_reply,
        "Answer a published review, as its vendor, once. Not editable.",
    )
    async def reply_to_review(
        self, info: Info[Context, None], input: Annotated[ReplyToReviewInput, Input]
    ) -> ReviewPayload:
        row = await review_replies.reply_to_review(
            info.context.viewer,
            review_id=ids.key_of("Review", input.review_id, "reviewId"),
            body=input.body,
        )
        return await _reviewed(info, row)

    @mutation(
        ReviewPayload,
        rights.may_moderate,
        "Take a reply away, as an admin, with a reason. The vendor may answer once more.",
    )
    async def delete_reply(
        self, info: Info[Context, None], input: Annotated[DeleteReplyInput, Input]
    ) -> ReviewPayload:
        row = await review_replies.delete_reply(
            info.context.viewer,
            review_id=ids.key_of("Review", input.review_id, "reviewId"),
            reason=input.reason,
        )
        return await _reviewed(info, row)

    @mutation(
        ReviewPayload, rights.may_moderate, "Publish a review, as an admin. Again: nothing changes."
    )
    async def approve_review(
        self, info: Info[Context, None], input: Annotated[ApproveReviewInput, Input]
    ) -> ReviewPayload:
        decision = _decision(input, ReviewStatus.APPROVED)
        return await _reviewed(info, await _decide(info, input.review_id, decision))

    @mutation(
        ReviewPayload,
        rights.may_moderate,
        "Reject a review, as an admin, with a reason that its author will read. Not for its stars.",
    )
    async def reject_review(
        self, info: Info[Context, None], input: Annotated[RejectReviewInput, Input]
    ) -> ReviewPayload:
        decision = _decision(input, ReviewStatus.REJECTED, input.reason)
        return await _reviewed(info, await _decide(info, input.review_id, decision))

    @mutation(
        ModerateReviewsPayload,
        rights.may_moderate,
        "Decide up to 100 reviews at once, as an admin. Each decision stands alone: a refused one"
        " does not spoil the others.",
    )
    async def moderate_reviews(
        self, info: Info[Context, None], input: Annotated[ModerateReviewsInput, Input]
    ) -> ModerateReviewsPayload:
        if len(input.decisions) > review_moderation.MAX_BATCH:
            raise Invalid(
                "decisions",
                message=f"Decide {review_moderation.MAX_BATCH} reviews at most at once.",
            )
        results = [
            await _decided(info, decision, str(place))
            for place, decision in enumerate(input.decisions)
        ]
        return ModerateReviewsPayload(results=results)

    @mutation(
        ReviewPayload,
        rights.may_vote,
        "Say that a published review helped you. One vote per person; again: nothing changes.",
    )
    async def vote_helpful(
        self, info: Info[Context, None], input: Annotated[VoteInput, Input]
    ) -> ReviewPayload:
        key = ids.key_of("Review", input.review_id, "reviewId")
        return await _reviewed(
            info, await review_votes.vote_helpful(info.context.viewer, review_id=key)
        )

    @mutation(ReviewPayload, rights.may_vote, "Take your vote back. Without one: nothing changes.")
    async def withdraw_vote(
        self, info: Info[Context, None], input: Annotated[VoteInput, Input]
    ) -> ReviewPayload:
        key = ids.key_of("Review", input.review_id, "reviewId")
        return await _reviewed(
            info, await review_votes.withdraw_vote(info.context.viewer, review_id=key)
        )


async def _reviewed(info: Info[Context, None], row: Any) -> ReviewPayload:
    shown = await present(info.context, "Review", [row], selected(info).below("review"))
    return ReviewPayload(review=shown[0])


def _decision(
    given: ApproveReviewInput | RejectReviewInput | ModerationInput,
    status: ReviewStatus,
    reason: RejectionReason | None = None,
) -> Decision:
    decision = Decision(status, reason, given.note)
    if given.expected_edited_at is UNSET:
        return decision
    try:
        expected = moment(given.expected_edited_at, "expectedEditedAt")
    except Refusal as unreadable:  # told with all else that is wrong
        return replace(decision, unreadable=(unreadable,))
    return replace(decision, expected_edited_at=expected)


async def _decide(info: Info[Context, None], review_id: str, decision: Decision) -> Any:
    key = ids.key_of("Review", review_id, "reviewId")
    return await review_moderation.decide(info.context.viewer, review_id=key, decision=decision)


async def _decided(
    info: Info[Context, None], given: ModerationInput, place: str
) -> ModerationResult:
    try:
        with watched():
            return await _decided_one(info, given)
    except Refusal as refused:
        for error in refused.all:
            error.field = ["decisions", place, *error.field]
        errors = [UserError.of(error) for error in refused.all]
        return ModerationResult(review_id=given.review_id, errors=errors)


async def _decided_one(info: Info[Context, None], given: ModerationInput) -> ModerationResult:
    """Raises what a resolver raises, and an outage as a refusal of this decision alone."""
    decision = _decision(given, given.status, given.reason)
    try:
        row = await once_more(partial(_decide, info, given.review_id, decision))
        below: Selection = selected(info).below("results", "review")
        shown = await present(info.context, "Review", [row], below)
    except Unavailable as trouble:
        raise outages.refused(trouble) from trouble
    return ModerationResult(review_id=given.review_id, review=shown[0])

"""What can be done with reviews."""

from functools import partial
from typing import Annotated, Any

import strawberry
from strawberry import UNSET, Info

from models import ReviewStatus
from models.outcome import once_more, watched
from models.unavailable import Unavailable
from resolvers import moderation, outages, replies, review_edits, reviews, votes
from resolvers.errors import Invalid
from resolvers.errors import UserError as Refusal
from resolvers.moderation import UNCHECKED, Decision
from schema import ids
from schema.context import Context
from schema.errors import UserError
from schema.mutation_field import Input, mutation
from schema.review import present_reviews
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
        "Review a completed order, as its customer, once. `reviewEligibility` tells beforehand.",
    )
    async def create_review(
        self, info: Info[Context, None], input: Annotated[CreateReviewInput, Input]
    ) -> ReviewPayload:
        row = await reviews.create_review(
            info.context.viewer,
            order=input.order.as_ref("Order", "order"),
            rating=input.rating,
            body=input.body,
            communication=input.communication,
            quality=input.quality,
            value=input.value,
            idempotency_key=input.idempotency_key,
        )
        return await _reviewed(info, row)

    @mutation(
        ReviewPayload,
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

    @mutation(ReviewPayload, "Answer a published review, as its vendor, once. Not editable.")
    async def reply_to_review(
        self, info: Info[Context, None], input: Annotated[ReplyToReviewInput, Input]
    ) -> ReviewPayload:
        row = await replies.reply_to_review(
            info.context.viewer,
            review_id=ids.key_of("Review", input.review_id, "reviewId"),
            body=input.body,
        )
        return await _reviewed(info, row)

    @mutation(
        ReviewPayload,
        "Take a reply away, as an admin, with a reason. The vendor may answer once more.",
    )
    async def delete_reply(
        self, info: Info[Context, None], input: Annotated[DeleteReplyInput, Input]
    ) -> ReviewPayload:
        row = await replies.delete_reply(
            info.context.viewer,
            review_id=ids.key_of("Review", input.review_id, "reviewId"),
            reason=input.reason,
        )
        return await _reviewed(info, row)

    @mutation(ReviewPayload, "Publish a review, as an admin. Again: nothing changes.")
    async def approve_review(
        self, info: Info[Context, None], input: Annotated[ApproveReviewInput, Input]
    ) -> ReviewPayload:
        decision = Decision(
            ReviewStatus.APPROVED,
            note=input.note,
            expected_edited_at=_expected(input.expected_edited_at),
        )
        return await _reviewed(info, await _decide(info, input.review_id, decision))

    @mutation(
        ReviewPayload,
        "Reject a review, as an admin, with a reason that its author will read. Not for its stars.",
    )
    async def reject_review(
        self, info: Info[Context, None], input: Annotated[RejectReviewInput, Input]
    ) -> ReviewPayload:
        decision = Decision(
            ReviewStatus.REJECTED,
            input.reason,
            input.note,
            _expected(input.expected_edited_at),
        )
        return await _reviewed(info, await _decide(info, input.review_id, decision))

    @mutation(
        ModerateReviewsPayload,
        "Decide up to 100 reviews at once, as an admin. Each decision stands alone: a refused one"
        " does not spoil the others.",
    )
    async def moderate_reviews(
        self, info: Info[Context, None], input: Annotated[ModerateReviewsInput, Input]
    ) -> ModerateReviewsPayload:
        info.context.viewer.must_be_admin()
        if len(input.decisions) > moderation.MAX_BATCH:
            raise Invalid(
                "decisions", message=f"Decide {moderation.MAX_BATCH} reviews at most at once."
            )
        results = [
            await _decided(info, decision, str(place))
            for place, decision in enumerate(input.decisions)
        ]
        return ModerateReviewsPayload(results=results)

    @mutation(
        ReviewPayload,
        "Say that a published review helped you. One vote per person; again: nothing changes.",
    )
    async def vote_helpful(
        self, info: Info[Context, None], input: Annotated[VoteInput, Input]
    ) -> ReviewPayload:
        key = ids.key_of("Review", input.review_id, "reviewId")
        return await _reviewed(info, await votes.vote_helpful(info.context.viewer, review_id=key))

    @mutation(ReviewPayload, "Take your vote back. Without one: nothing changes.")
    async def withdraw_vote(
        self, info: Info[Context, None], input: Annotated[VoteInput, Input]
    ) -> ReviewPayload:
        key = ids.key_of("Review", input.review_id, "reviewId")
        return await _reviewed(info, await votes.withdraw_vote(info.context.viewer, review_id=key))


async def _reviewed(info: Info[Context, None], row: Any) -> ReviewPayload:
    shown = await present_reviews(info.context, [row], selected(info).below("review"))
    return ReviewPayload(review=shown[0])


def _expected(given: Any) -> Any:
    return UNCHECKED if given is UNSET else moment(given, "expectedEditedAt")


async def _decide(info: Info[Context, None], review_id: str, decision: Decision) -> Any:
    key = ids.key_of("Review", review_id, "reviewId")
    return await moderation.decide(info.context.viewer, review_id=key, decision=decision)


async def _decided(
    info: Info[Context, None], given: ModerationInput, place: str
) -> ModerationResult:
    try:
        with watched():
            return await _decided_one(info, given)
    except Refusal as refused:
        refused.field = ["decisions", place, *refused.field]
        return ModerationResult(review_id=given.review_id, errors=[UserError.of(refused)])


async def _decided_one(info: Info[Context, None], given: ModerationInput) -> ModerationResult:
    """Raises what a resolver raises, and an outage as a refusal of this decision alone."""
    expected = _expected(given.expected_edited_at)
    decision = Decision(given.status, given.reason, given.note, expected)
    try:
        row = await once_more(partial(_decide, info, given.review_id, decision))
        below: Selection = selected(info).below("results", "review")
        shown = await present_reviews(info.context, [row], below)
    except Unavailable as trouble:
        raise outages.refused(trouble) from trouble
    return ModerationResult(review_id=given.review_id, review=shown[0])

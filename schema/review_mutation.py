"""Mutations of reviews."""

from typing import Annotated

import strawberry
from strawberry import Info

from resolvers import (
    review_edits,
    review_moderation,
    review_replies,
    review_votes,
    reviews,
    rights,
)
from resolvers.errors import Invalid
from resolvers.review_moderation import MAX_BATCH
from schema.context import Context
from schema.mutation_field import Input, mutation, mutation_by
from schema.review_decisions import decided
from schema.review_input import (
    ApproveReviewInput,
    CreateReviewInput,
    DeletePayload,
    DeleteReplyInput,
    DeleteReviewInput,
    EditReviewInput,
    ModerateReviewsInput,
    ModerateReviewsPayload,
    RejectReviewInput,
    ReplyToReviewInput,
    ReviewPayload,
    VoteInput,
)


@strawberry.type(description="What can be done with reviews.")
class ReviewMutation:
    create_review = mutation(
        "Review a completed order, as its customer, once. `reviewEligibility` tells beforehand.",
        input=CreateReviewInput,
        may=rights.may_review,
        act=reviews.create_review,
        payload=ReviewPayload,
    )
    edit_review = mutation(
        "Change a review: its author as long as `Settings.reviewEditDays` allows it and no dispute"
        " is open, an admin at any time. Earlier versions are kept. With moderation on, an author's"
        " edit of a published review waits as its `pendingVersion`, which a further edit changes.",
        input=EditReviewInput,
        may=rights.may_edit_reviews,
        act=review_edits.edit_review,
        payload=ReviewPayload,
    )
    delete_review = mutation(
        "Delete a review for good, as an admin, with a reason that its author reads. Its order"
        " cannot be reviewed again.",
        input=DeleteReviewInput,
        may=rights.may_administer,
        act=reviews.delete_review,
        payload=DeletePayload,
    )
    reply_to_review = mutation(
        "Answer a published review, as its vendor, once. Not editable.",
        input=ReplyToReviewInput,
        may=rights.may_reply,
        act=review_replies.reply_to_review,
        payload=ReviewPayload,
    )
    delete_reply = mutation(
        "Take a reply away, as an admin, with a reason that the vendor reads. The vendor may answer"
        " once more.",
        input=DeleteReplyInput,
        may=rights.may_administer,
        act=review_replies.delete_reply,
        payload=ReviewPayload,
    )
    approve_review = mutation(
        "Publish a review, or the edit of it that waits, as a moderator or admin. Again: nothing"
        " changes.",
        input=ApproveReviewInput,
        may=rights.may_moderate,
        act=review_moderation.approve_review,
        payload=ReviewPayload,
    )
    reject_review = mutation(
        "Reject a review, as a moderator or admin, with a reason that its author will read. Not for"
        " its stars. Of a published review with an edit that waits, the edit is rejected and the"
        " review stays; a second rejection takes the review down.",
        input=RejectReviewInput,
        may=rights.may_moderate,
        act=review_moderation.reject_review,
        payload=ReviewPayload,
    )

    @mutation_by(
        ModerateReviewsPayload,
        rights.may_moderate,
        f"Decide up to {MAX_BATCH} reviews at once, as a moderator or admin. Each decision stands"
        " alone: a refused one does not spoil the others.",
    )
    async def moderate_reviews(
        self, info: Info[Context, None], input: Annotated[ModerateReviewsInput, Input]
    ) -> ModerateReviewsPayload:
        if len(input.decisions) > review_moderation.MAX_BATCH:
            raise Invalid(
                "decisions",
                message=f"Decide {review_moderation.MAX_BATCH} reviews at most at once.",
            )
        return ModerateReviewsPayload(results=await decided(info, input.decisions))

    vote_helpful = mutation(
        "Say that a published review helped you. One vote per person; again: nothing changes.",
        input=VoteInput,
        may=rights.may_vote,
        act=review_votes.vote_helpful,
        payload=ReviewPayload,
    )
    withdraw_vote = mutation(
        "Take your vote back. Without one: nothing changes.",
        input=VoteInput,
        may=rights.may_vote,
        act=review_votes.withdraw_vote,
        payload=ReviewPayload,
    )

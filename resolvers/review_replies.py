"""The reviewed vendor's one public reply to a review."""

from uuid import UUID

import mailers
from models import Review, Vendor, clock
from models.database import transaction
from models.one_round_trip import one_round_trip
from models.review import REPLY
from resolvers import rights, tracking_log, user_text
from resolvers.errors import (
    AlreadyReplied,
    NotFound,
    NotPublished,
    NotTheVendor,
)
from resolvers.review_lookup import find_review, find_review_of_party
from resolvers.reviews import required_reason
from resolvers.viewer import Viewer

# After a lost race the rules are checked again, to refuse with the right reason.
_ATTEMPTS = 3
# The conditions of this statement, not an earlier read, decide the race between two replies. The
# customer is the one to whom the mail goes.
_REPLY = """
UPDATE review SET reply_body = ?, replied_at = ?, replied_to_version_at = ?
WHERE id = ? AND customer_id = ? AND reply_body IS NULL AND status = 'APPROVED'
  AND deleted_at IS NULL RETURNING id"""


async def reply_to_review(viewer: Viewer, *, review_id: UUID, body: str) -> Review:
    """Publish the reviewed vendor's one reply and promise its author a mail, in one transaction.

    Raises Unauthenticated, NotFound, NotTheVendor (admins too), NotPublished, BodyTooShort,
    BodyTooLong, AlreadyReplied.
    """
    rights.may_reply(viewer)
    for _ in range(_ATTEMPTS):
        review = await find_review_of_party(viewer, review_id)
        if review is None:
            raise NotFound("review_id", message="There is no such review.")
        check_reply(viewer, review, review.vendor)
        review.reply_body, review.replied_at = user_text.body(body, "body", at_least=1), clock.now()
        review.replied_to_version_at = review.written_at
        if await _store(review):
            return review
        # Another writer came first: check the rules again, which gives the right refusal.
    raise AlreadyReplied("review_id")


async def _store(review: Review) -> bool:
    """Store the reply and promise the mail; False if the review changed meanwhile."""
    async with one_round_trip() as writes:
        reply = (getattr(review, name) for name in REPLY)
        await writes.require(_REPLY, *reply, review.id, review.customer_id)
        await mailers.deliver_later(
            "review.replied",
            to=review.customer,
            about=review,
            occasion=review.replied_at.isoformat(),  # type: ignore[union-attr]
            writes=writes,
        )
    return writes.done


def check_reply(viewer: Viewer, review: Review, vendor: Vendor) -> None:
    """Raise the refusal if the viewer may not reply to the review of this vendor."""
    if not viewer.is_vendor(vendor.external_id):
        raise NotTheVendor("review_id")
    if not review.is_public:
        raise NotPublished("review_id")
    if review.reply_body is not None:
        raise AlreadyReplied("review_id")


async def delete_reply(viewer: Viewer, *, review_id: UUID, reason: str) -> Review:
    """Delete a reply, as an admin, and tell the vendor the reason.

    The vendor may reply again; the log keeps the deleted text.

    Raises Unauthenticated, Forbidden, Invalid (no reason), NotFound (no review, or no reply).
    """
    viewer.must_be_admin()
    async with transaction():
        review = await find_review(viewer, review_id, lock=True)
        if review is None:
            raise NotFound("review_id", message="There is no such review.")
        if review.reply_body is None:
            raise NotFound("review_id", message="This review has no reply.")
        why = required_reason(reason)
        await tracking_log.record(
            viewer, "reply.deleted", about=review, reason=why, reply=review.reply_body
        )
        await Review.filter(id=review.id).update(**dict.fromkeys(REPLY))
        await mailers.withdraw("review.replied", about=review.id, because="the reply was deleted")
        await mailers.deliver_later(
            "reply.deleted",
            to=await Vendor.get(id=review.vendor_id),
            about=review,
            occasion=str(review.replied_at),
            reason=why,
        )
        review.reply_body = review.replied_at = review.replied_to_version_at = None
    return review

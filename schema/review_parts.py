"""The parts of a review: author, sub-ratings, reply, moderation."""

from datetime import datetime

import strawberry

import models
from models.person_name import public_name
from models.review import MAIN, EditedBy, ReviewContent, ReviewStatus
from schema.team_member import TeamMember


@strawberry.type(description="Who wrote a review, as strangers may know it.")
class ReviewAuthor:
    name: strawberry.Private[str]

    @strawberry.field(
        description=(
            'First name and initial, such as "Maria S."; "Customer" where a name does not tell'
            " them apart. Never an e-mail address or an id."
        )
    )
    def display_name(self) -> str:
        return public_name(self.name)


@strawberry.type(description="The optional sub-ratings of a review, each 1 to 5 or null.")
class SubRatings:
    row: strawberry.Private[ReviewContent]

    @strawberry.field(description="How the vendor communicated.")
    def communication(self) -> int | None:
        return self.row.communication

    @strawberry.field(description="The quality of the service.")
    def quality(self) -> int | None:
        return self.row.quality

    @strawberry.field(description="Value for money.")
    def value(self) -> int | None:
        return self.row.value


@strawberry.type(description="The vendor's public answer to a review. One at most.")
class ReviewReply:
    body: str = strawberry.field(description="Plain text, as the vendor typed it.")
    created_at: datetime = strawberry.field(description="When it was posted.")
    replied_to_version_at: datetime = strawberry.field(
        description="When the version that it answered was written: before the review's `editedAt`"
        " if the review says something else since."
    )

    @classmethod
    def from_row(cls, row: models.Review) -> "ReviewReply | None":
        if row.reply_body is None or row.replied_at is None:
            return None
        return cls(
            body=row.reply_body,
            created_at=row.replied_at,
            # Stored by a version that did not know it: the first one.
            replied_to_version_at=row.replied_to_version_at or row.created_at,
        )


@strawberry.type(
    description="An edit that waits for a decision, while the version before it stays public."
)
class PendingVersion:
    rating: int = strawberry.field(description="The stars it gives, 1 to 5.")
    body: str = strawberry.field(description="Its text.")
    sub_ratings: SubRatings = strawberry.field(description="Its sub-ratings.")
    submitted_at: datetime = strawberry.field(
        description="When its author wrote it; what `expectedEditedAt` is compared with."
    )

    @classmethod
    def from_row(cls, row: models.PendingVersion) -> "PendingVersion":
        return cls(
            **{name: getattr(row, name) for name in MAIN},
            sub_ratings=SubRatings(row=row),
            submitted_at=row.submitted_at,
        )


@strawberry.type(
    description="An earlier version of a review. For its author, moderators and admins."
)
class ReviewRevision:
    rating: int = strawberry.field(description="The stars it gave, 1 to 5.")
    body: str = strawberry.field(description="Its text.")
    sub_ratings: SubRatings = strawberry.field(description="Its sub-ratings.")
    replaced_at: datetime = strawberry.field(description="When another version took its place.")
    replaced_by: EditedBy = strawberry.field(
        description="Who wrote the version that took its place."
    )

    @classmethod
    def from_row(cls, row: models.ReviewRevision) -> "ReviewRevision":
        return cls(
            **{name: getattr(row, name) for name in MAIN},
            sub_ratings=SubRatings(row=row),
            replaced_at=row.replaced_at,
            replaced_by=row.replaced_by,
        )


@strawberry.type(description="What you may do with a review now, by the rules of the mutations.")
class ReviewActions:
    edit: bool = strawberry.field(
        description="As its author within `Settings.reviewEditDays` of the publication, unless the"
        " order is disputed; as an admin."
    )
    reply: bool = strawberry.field(description="As its vendor: it is published without a reply.")
    vote: bool = strawberry.field(
        description="`voteHelpful`: it is published, and neither yours nor of your services."
    )
    report: bool = strawberry.field(description="Reviews cannot be reported: always false.")
    moderate: bool = strawberry.field(description="As a moderator or admin.")
    delete: bool = strawberry.field(description="As an admin.")


@strawberry.type(description="What was decided of a review. For its author, moderators and admins.")
class ModerationDecision:
    status: ReviewStatus = strawberry.field(description="Approved or rejected.")
    reason: models.RejectionReason | None = strawberry.field(
        description="Why it was rejected; null when approved."
    )
    note: str | None = strawberry.field(description="The words of who decided, if any.")
    decided_at: datetime = strawberry.field(description="When it was decided.")
    decided_by: TeamMember | None = strawberry.field(
        description=(
            "Who decided it, for moderators and admins; null for the author, for what came from a"
            " file, and where the member was never known."
        )
    )

    @classmethod
    def from_row(
        cls, row: models.Review, decided_by: TeamMember | None
    ) -> "ModerationDecision | None":
        if row.status is ReviewStatus.PENDING:
            return None
        # Imported rejections have no date of their own.
        decided_at = row.moderated_at or (row.created_at if row.reason else None)
        if decided_at is None:
            return None
        return cls(
            status=row.status,
            reason=row.reason,
            note=row.moderation_note,
            decided_at=decided_at,
            decided_by=decided_by,
        )

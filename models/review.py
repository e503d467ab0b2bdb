"""A customer's stars and text about a completed order, and the vendor's one reply."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model

from models.customer import Customer
from models.order import Order
from models.service import Service
from models.uuid7 import uuid7
from models.vendor import Vendor


class ReviewStatus(StrEnum):
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"


class RejectionReason(StrEnum):
    SPAM = "SPAM"
    OFFENSIVE = "OFFENSIVE"
    PERSONAL_INFORMATION = "PERSONAL_INFORMATION"
    OFF_TOPIC = "OFF_TOPIC"
    FAKE = "FAKE"
    CONFLICT_OF_INTEREST = "CONFLICT_OF_INTEREST"
    ILLEGAL = "ILLEGAL"
    OTHER = "OTHER"

    @classmethod
    def _missing_(cls, _value: object) -> "RejectionReason":
        """For a value that a newer version wrote."""
        return cls.OTHER


class EditedBy(StrEnum):
    """Who wrote a version that took another one's place."""

    AUTHOR = "AUTHOR"
    ADMIN = "ADMIN"

    @classmethod
    def _missing_(cls, _value: object) -> "EditedBy":
        """For a value that a newer version wrote."""
        return cls.ADMIN


class ReviewContent(Model):
    """What the author writes, in a review and in each of its other versions."""

    rating: int = fields.SmallIntField()
    communication: int | None = fields.SmallIntField(null=True)
    quality: int | None = fields.SmallIntField(null=True)
    value: int | None = fields.SmallIntField(null=True)
    body: str = fields.TextField()

    class Meta:
        abstract = True


# The columns in groups. Statements, inputs, digests, field expressions, revisions, mails and
# imports are built from these, without lists of their own. A column is in INSERTED or in LATER.
SUB_RATINGS = ("communication", "quality", "value")
STARS = ("rating", *SUB_RATINGS)
WRITTEN = tuple(ReviewContent._meta.fields_map)
TEXTS = tuple(name for name in WRITTEN if name not in STARS)
# Without the sub-ratings, which mails leave out and the schema puts into an object of their own.
MAIN = tuple(name for name in WRITTEN if name not in SUB_RATINGS)
# The columns whose texts `body_folded` holds.
SEARCHED = ("body",)
PARTIES = ("order_id", "service_id", "vendor_id")
REPLY = ("reply_body", "replied_at", "replied_to_version_at")
EDIT = ("edited_at", "edited_by")
DECISION = ("rejection_reason", "moderation_note", "moderated_at")
# What everybody may read of a review.
REVIEW_PUBLIC = (
    *("id", *WRITTEN, "status", "verified", "helpful_count"),
    *("created_at", "published_at", *EDIT, *REPLY),
)
INSERTED = (
    *("id", *PARTIES, "customer_id", *WRITTEN, "body_folded", "verified", "status"),
    *("created_at", "published_at", "rejection_reason", "moderated_at", "helpful_count"),
    *("idempotency_key", "idempotency_digest"),
)
# What a new review cannot have.
LATER = (*EDIT, "deleted_at", *REPLY, "moderation_note")


class Review(ReviewContent):
    id: UUID = fields.UUIDField(primary_key=True, default=uuid7)
    # One per order, permanently (uq_review_order): a deleted review keeps its row.
    order: fields.ForeignKeyRelation[Order] = fields.ForeignKeyField(
        "models.Order", related_name="reviews", on_delete=fields.RESTRICT
    )
    order_id: UUID
    service: fields.ForeignKeyRelation[Service] = fields.ForeignKeyField(
        "models.Service", related_name="reviews", on_delete=fields.RESTRICT
    )
    service_id: UUID
    # The vendor at that time: a service may change hands later, its reviews do not.
    vendor: fields.ForeignKeyRelation[Vendor] = fields.ForeignKeyField(
        "models.Vendor", related_name="reviews", on_delete=fields.RESTRICT
    )
    vendor_id: UUID
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name="reviews", on_delete=fields.RESTRICT
    )
    customer_id: UUID

    # The texts of SEARCHED, case-folded here so that both databases match alike.
    body_folded: str = fields.TextField()
    verified = fields.BooleanField()
    status = fields.CharEnumField(ReviewStatus, max_length=16)
    created_at: datetime = fields.DatetimeField()
    published_at: datetime | None = fields.DatetimeField(null=True)
    # When the version that is shown was written, and by whom, if it is not the first.
    edited_at: datetime | None = fields.DatetimeField(null=True)
    edited_by: EditedBy | None = fields.CharEnumField(  # type: ignore[assignment]
        EditedBy, max_length=16, null=True
    )
    deleted_at: datetime | None = fields.DatetimeField(null=True)
    helpful_count: int = fields.IntField(default=0)

    reply_body: str | None = fields.TextField(null=True)
    replied_at: datetime | None = fields.DatetimeField(null=True)
    replied_to_version_at: datetime | None = fields.DatetimeField(null=True)

    rejection_reason: RejectionReason | None = fields.CharEnumField(  # type: ignore[assignment]
        RejectionReason, max_length=24, null=True
    )
    moderation_note: str | None = fields.TextField(null=True)
    # Of one that waits: when a moderator took it down. It never had a decision if it is null.
    moderated_at: datetime | None = fields.DatetimeField(null=True)

    # The client's `idempotencyKey`, and a digest of the input sent with it.
    idempotency_key = fields.CharField(max_length=200, null=True)
    idempotency_digest = fields.CharField(max_length=64, null=True)

    # Fetched with the row.
    author_name: str
    author_external_id: str

    class Meta:
        table = "review"
        constraints = (
            CheckConstraint(check="rating BETWEEN 1 AND 5", name="ck_review_rating"),
            CheckConstraint(check="communication BETWEEN 1 AND 5", name="ck_review_communication"),
            CheckConstraint(check="quality BETWEEN 1 AND 5", name="ck_review_quality"),
            CheckConstraint(check='"value" BETWEEN 1 AND 5', name="ck_review_value"),
            CheckConstraint(check="helpful_count >= 0", name="ck_review_helpful_count"),
            CheckConstraint(
                check="(reply_body IS NULL) = (replied_at IS NULL)", name="ck_review_reply"
            ),
        )

    @property
    def is_public(self) -> bool:
        return self.status is ReviewStatus.APPROVED and self.deleted_at is None

    @property
    def written_at(self) -> datetime:
        """When the version that is shown was written."""
        return self.edited_at or self.created_at

    @property
    def reason(self) -> RejectionReason | None:
        """Why it is rejected; OTHER where an imported file did not say."""
        if self.status is not ReviewStatus.REJECTED:
            return None
        return self.rejection_reason or RejectionReason.OTHER

    @property
    def sub_ratings(self) -> tuple[int | None, ...]:
        return tuple(getattr(self, name) for name in SUB_RATINGS)

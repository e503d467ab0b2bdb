"""One purchase of one service, as the marketplace reports it."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.customer import Customer
from models.service import Service
from models.uuid7 import uuid7
from models.vendor import Vendor


class OrderStatus(StrEnum):
    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    DELIVERED = "DELIVERED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    REFUNDED = "REFUNDED"
    DISPUTED = "DISPUTED"

    @property
    def may_follow_completion(self) -> bool:
        """Whether an order in this state may have been completed before, and keeps that date."""
        return self in _AFTER_COMPLETION


_AFTER_COMPLETION = {
    OrderStatus.COMPLETED,
    OrderStatus.CANCELLED,
    OrderStatus.REFUNDED,
    OrderStatus.DISPUTED,
}


def is_own_service(customer: str, vendor: str) -> bool:
    """Whether the customer and the vendor of these ids are one person: they share a namespace."""
    return customer == vendor


# What the marketplace's feed says of an order, and what is stored about the feed itself. Only the
# feed compares and writes these.
FACTS = ("status", "completed_at", "reminders_allowed", "customer_id", "vendor_id", "service_id")
FED = (*FACTS, "updated_at", "updated_by_partner", "fed", "contact_email")


class Order(Model):
    id: UUID = fields.UUIDField(primary_key=True, default=uuid7)
    external_id = fields.CharField(max_length=200, unique=True)
    status = fields.CharEnumField(OrderStatus, max_length=16)
    completed_at: datetime | None = fields.DatetimeField(null=True)
    reminders_allowed = fields.BooleanField(default=True)
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name="orders", on_delete=fields.RESTRICT
    )
    customer_id: UUID
    vendor: fields.ForeignKeyRelation[Vendor] = fields.ForeignKeyField(
        "models.Vendor", related_name="orders", on_delete=fields.RESTRICT
    )
    vendor_id: UUID
    service: fields.ForeignKeyRelation[Service] = fields.ForeignKeyField(
        "models.Service", related_name="orders", on_delete=fields.RESTRICT
    )
    service_id: UUID
    # The time of the newest facts, and whether a key that is bound to a vendor sent them.
    updated_at: datetime | None = fields.DatetimeField(null=True)
    updated_by_partner = fields.BooleanField(default=False, db_default=False)
    # Whether it came from the feed; otherwise it is only known from an imported file.
    fed = fields.BooleanField(default=False, db_default=False)
    # The customer's address as sent by a key that is bound to the order's vendor.
    contact_email = fields.CharField(max_length=320, null=True)
    # Links in mails carry this number: raising it revokes all links of the order.
    link_version: int = fields.SmallIntField(default=1)
    created_at: datetime = fields.DatetimeField()

    # Fetched with the row: whether a review of this order was ever written.
    is_reviewed: bool

    class Meta:
        table = "orders"

    @property
    def is_own_service(self) -> bool:
        """Whether the customer, fetched with the order, is also the vendor."""
        return is_own_service(self.customer.external_id, self.vendor.external_id)

    def address_of(self, customer: Customer) -> str | None:
        """The address for this order's mails to its customer.

        An address that only another vendor's key has sent is not used for this order: otherwise
        that vendor could have the order's links sent to itself.
        """
        if customer.email_from in {None, self.vendor_id}:
            return customer.email
        return self.contact_email

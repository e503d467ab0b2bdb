"""The database: one file per table, rules about single rows, migrations."""

from models.api_key import ApiKey, Scope
from models.customer import Customer
from models.inbox_mark import InboxMark
from models.mail_attempt import MailAttempt
from models.mail_channel import MailChannel
from models.mail_optout import MailOptout
from models.mail_secret import MailSecret
from models.mail_suppression import MailSuppression
from models.notification import Audience, Notification
from models.order import Order, OrderStatus
from models.order_update import OrderUpdate, OrderUpdateStatus
from models.outbox_mail import MailStatus, OutboxMail
from models.pending_version import PendingVersion
from models.rating_counter import RatingCounter, RatingSubject
from models.review import EditedBy, RejectionReason, Review, ReviewStatus
from models.review_revision import ReviewRevision
from models.review_vote import ReviewVote
from models.search_chunk import ChunkState, SearchChunk
from models.search_entry import SearchEntry
from models.search_gram import SearchGram
from models.search_waiting import SearchWaiting
from models.service import Service
from models.site_settings import ShareAudience, SiteSettings
from models.team_member import TeamMember, TeamRole
from models.tracking_event import TrackingEvent
from models.update_note import UpdateNote
from models.update_solve import UpdateSolve
from models.vendor import Vendor

__all__ = [
    "ApiKey",
    "Audience",
    "ChunkState",
    "Customer",
    "EditedBy",
    "InboxMark",
    "MailAttempt",
    "MailChannel",
    "MailOptout",
    "MailSecret",
    "MailStatus",
    "MailSuppression",
    "Notification",
    "Order",
    "OrderStatus",
    "OrderUpdate",
    "OrderUpdateStatus",
    "OutboxMail",
    "PendingVersion",
    "RatingCounter",
    "RatingSubject",
    "RejectionReason",
    "Review",
    "ReviewRevision",
    "ReviewStatus",
    "ReviewVote",
    "Scope",
    "SearchChunk",
    "SearchEntry",
    "SearchGram",
    "SearchWaiting",
    "Service",
    "ShareAudience",
    "SiteSettings",
    "TeamMember",
    "TeamRole",
    "TrackingEvent",
    "UpdateNote",
    "UpdateSolve",
    "Vendor",
]

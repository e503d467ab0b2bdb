"""Every index, by name, for both databases.

They do not stand in the models' Meta: Tortoise loses the indexes of a table that it rebuilds on
SQLite, so `models.migrating` creates the missing ones after every run, and then drops those of
OBSOLETE. A changed index gets a new name, and its old one stands in OBSOLETE for ever.
"""

from models.rating_tally import ranking_in

# A new review enters eight of review's indexes, each vote and reply the others too: think twice
# before adding one. `resolvers.review_list` reads an order that no index holds as several runs.
_LIVE = "deleted_at IS NULL"
_HIDDEN = f"{_LIVE} AND status IN ('PENDING', 'REJECTED')"
_SUBJECTS = {"service": "service_id, ", "vendor": "vendor_id, ", "site": ""}

# An index names columns without an alias.
_AVERAGE, _COUNT = (text.replace("k.", "") for text in ranking_in("k"))

INDEXES: dict[str, str] = {
    "uq_review_order": "UNIQUE INDEX uq_review_order ON review (order_id)",
    # The status is left out: nearly all reviews are public, and signed-in people also see their
    # own pending ones in the same list.
    **{
        f"ix_review_{subject}_newest": (
            f"INDEX ix_review_{subject}_newest ON review ({columns}created_at, id) WHERE {_LIVE}"
        )
        for subject, columns in _SUBJECTS.items()
        if subject != "vendor"
    },
    # A vendor's newest, in two: what waits for a reply is the daily question of partners.
    **{
        f"ix_review_vendor_{name}": (
            f"INDEX ix_review_vendor_{name} ON review (vendor_id, created_at, id)"
            f" WHERE {_LIVE} AND replied_at IS {negated}NULL"
        )
        for name, negated in (("unanswered", ""), ("answered", "NOT "))
    },
    **{
        f"ix_review_{subject}_rating": (
            f"INDEX ix_review_{subject}_rating ON review ({columns}rating, created_at, id)"
            f" WHERE {_LIVE}"
        )
        for subject, columns in _SUBJECTS.items()
    },
    **{
        f"ix_review_{subject}_voted": (
            f"INDEX ix_review_{subject}_voted ON review"
            f" ({columns}rating, helpful_count, created_at, id)"
            f" WHERE {_LIVE} AND helpful_count <> 0"
        )
        for subject, columns in _SUBJECTS.items()
    },
    # Few rows among many: those that wait or were rejected.
    **{
        f"ix_review_{subject}_hidden": (
            f"INDEX ix_review_{subject}_hidden ON review ({columns}created_at, id) WHERE {_HIDDEN}"
        )
        for subject, columns in {
            "service": "service_id, customer_id, ",
            "vendor": "vendor_id, customer_id, ",
            "own": "customer_id, ",
            "site": "status, ",
        }.items()
    },
    "uq_review_idempotency_key": (
        "UNIQUE INDEX uq_review_idempotency_key ON review (customer_id, idempotency_key)"
        " WHERE idempotency_key IS NOT NULL"
    ),
    "ix_review_revision_review": (
        "INDEX ix_review_revision_review ON review_revision (review_id, replaced_at, id)"
    ),
    "uq_pending_version_review": (
        "UNIQUE INDEX uq_pending_version_review ON pending_version (review_id)"
    ),
    "ix_pending_version_queue": (
        "INDEX ix_pending_version_queue ON pending_version (created_at, review_id)"
    ),
    # A changed or deleted review leaves the index of texts.
    "ix_search_entry_review": "INDEX ix_search_entry_review ON search_entry (review_id)",
    "uq_review_vote": "UNIQUE INDEX uq_review_vote ON review_vote (review_id, person)",
    "ix_orders_customer": "INDEX ix_orders_customer ON orders (customer_id)",
    "ix_orders_vendor": "INDEX ix_orders_vendor ON orders (vendor_id)",
    "ix_orders_service": "INDEX ix_orders_service ON orders (service_id)",
    "ix_rating_counter_ranking": (
        f"INDEX ix_rating_counter_ranking ON rating_counter (({_AVERAGE}), ({_COUNT}), subject_id)"
        " WHERE kind = 'SERVICE'"
    ),
    "ix_service_title": "INDEX ix_service_title ON service (title_folded, id)",
    "ix_service_newest": "INDEX ix_service_newest ON service (created_at, id)",
    "ix_service_vendor": "INDEX ix_service_vendor ON service (vendor_id, title_folded, id)",
    "ix_notification_inbox": (
        "INDEX ix_notification_inbox ON notification (audience, recipient, created_at, id)"
    ),
    "ix_notification_unread": (
        "INDEX ix_notification_unread ON notification (audience, recipient, created_at, id)"
        " WHERE read_at IS NULL"
    ),
    "ix_inbox_mark": "INDEX ix_inbox_mark ON inbox_mark (audience, recipient, read_until)",
    "ix_notification_subject": "INDEX ix_notification_subject ON notification (subject_id)",
    "ix_outbox_mail_due": (
        "INDEX ix_outbox_mail_due ON outbox_mail (due_at, id) WHERE status = 'SCHEDULED'"
    ),
    "ix_outbox_mail_lease": (
        "INDEX ix_outbox_mail_lease ON outbox_mail (lease_until) WHERE status = 'SENDING'"
    ),
    # For the list of mails, which is sorted by id, that is by time.
    "ix_outbox_mail_unsent": (
        "INDEX ix_outbox_mail_unsent ON outbox_mail (status, id) WHERE status <> 'SENT'"
    ),
    "ix_outbox_mail_about": "INDEX ix_outbox_mail_about ON outbox_mail (subject_id, id)",
    "ix_outbox_mail_kind": "INDEX ix_outbox_mail_kind ON outbox_mail (mail, id)",
    "ix_outbox_mail_recipient": "INDEX ix_outbox_mail_recipient ON outbox_mail (recipient, id)",
    "ix_outbox_mail_address": "INDEX ix_outbox_mail_address ON outbox_mail (UPPER(address), id)",
    "ix_outbox_mail_newest": "INDEX ix_outbox_mail_newest ON outbox_mail (created_at, id)",
    "ix_mail_attempt_mail": "INDEX ix_mail_attempt_mail ON mail_attempt (mail_id, failed_at, id)",
    "ix_mail_attempt_failed": "INDEX ix_mail_attempt_failed ON mail_attempt (failed_at)",
    "uq_mail_optout": "UNIQUE INDEX uq_mail_optout ON mail_optout (recipient_hash, category)",
    "ix_order_update_order": (
        "INDEX ix_order_update_order ON order_update (order_id, customer_activity_at, id)"
    ),
    "ix_order_update_activity": (
        "INDEX ix_order_update_activity ON order_update (team_activity_at, id)"
    ),
    "ix_order_update_status": (
        "INDEX ix_order_update_status ON order_update (status, team_activity_at, id)"
    ),
    "ix_order_update_assignee": (
        "INDEX ix_order_update_assignee ON order_update (assignee_id, team_activity_at, id)"
    ),
    # A customer has few updates.
    "ix_order_update_customer": (
        "INDEX ix_order_update_customer ON order_update (customer_id, customer_activity_at, id)"
        " WHERE customer_visible"
    ),
    **{
        f"ix_order_update_vendor_{name}": (
            f"INDEX ix_order_update_vendor_{name} ON order_update (vendor_id, {column}, id)"
            " WHERE customer_visible"
        )
        for name, column in {"activity": "customer_activity_at", "newest": "created_at"}.items()
    },
    "ix_order_update_status_newest": (
        "INDEX ix_order_update_status_newest ON order_update (status, created_at, id)"
    ),
    "ix_order_update_assignee_newest": (
        "INDEX ix_order_update_assignee_newest ON order_update (assignee_id, created_at, id)"
    ),
    "ix_order_update_newest": "INDEX ix_order_update_newest ON order_update (created_at, id)",
    "ix_update_note_update": (
        "INDEX ix_update_note_update ON update_note (update_id, created_at, id)"
    ),
    "uq_update_solve_number": (
        "UNIQUE INDEX uq_update_solve_number ON update_solve (update_id, number)"
    ),
    # One rating per update, permanently.
    "uq_update_solve_rating": (
        "UNIQUE INDEX uq_update_solve_rating ON update_solve (update_id) WHERE stars IS NOT NULL"
    ),
    "ix_update_solve_solved": (
        "INDEX ix_update_solve_solved ON update_solve"
        " (solved_at, credited_to_id, customer_visible, stars)"
    ),
    "ix_update_solve_rated": (
        "INDEX ix_update_solve_rated ON update_solve (rated_at, credited_to_id, stars)"
        " WHERE rated_at IS NOT NULL"
    ),
    "ix_update_solve_credited": "INDEX ix_update_solve_credited ON update_solve (credited_to_id)",
    "ix_team_member_name": "INDEX ix_team_member_name ON team_member (name_folded, id)",
    "ix_team_member_inactive": (
        "INDEX ix_team_member_inactive ON team_member (name_folded, id)"
        " WHERE deactivated_at IS NOT NULL"
    ),
    "ix_tracking_event_newest": "INDEX ix_tracking_event_newest ON tracking_event (at, id)",
    "ix_tracking_event_order": "INDEX ix_tracking_event_order ON tracking_event (order_id, at, id)",
    "ix_tracking_event_subject": (
        "INDEX ix_tracking_event_subject ON tracking_event (subject_id, at, id)"
    ),
    "ix_tracking_event_actor": "INDEX ix_tracking_event_actor ON tracking_event (actor, at, id)",
    "ix_tracking_event_actor_kind": (
        "INDEX ix_tracking_event_actor_kind ON tracking_event (actor, kind, at, id)"
    ),
    "ix_tracking_event_kind": "INDEX ix_tracking_event_kind ON tracking_event (kind, at, id)",
}

OBSOLETE = (
    "ix_review_newest",
    "ix_review_customer",
    *(
        f"ix_review_{each}_{sort}"
        for each in ("service", "vendor")
        for sort in ("highest", "lowest", "helpful")
    ),
    "ix_review_vendor_newest",
    "ix_order_update_customer_activity",
    "ix_outbox_mail_subject",
)

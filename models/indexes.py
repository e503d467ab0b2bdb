"""Every index, by name, for both databases.

They do not stand in the models' Meta: Tortoise loses the indexes of a table that it rebuilds on
SQLite, so `models.migrating` creates the missing ones after every run. A changed index gets a new
name, and a migration drops the old one.
"""

_SORTS = {
    # The sorts of a list as ranges of an index, scanned backwards where the newest or highest come
    # first. The status is left out: nearly all reviews are public, and signed-in people also see
    # their own pending ones in the same list.
    "newest": "created_at, id",
    "highest": "rating, created_at, id",
    "lowest": "(6 - rating), created_at, id",
    "helpful": "helpful_count, created_at, id",
}

INDEXES: dict[str, str] = {
    "uq_review_order": "UNIQUE INDEX uq_review_order ON review (order_id)",
    **{
        f"ix_review_{subject}_{sort}": (
            f"INDEX ix_review_{subject}_{sort} ON review"
            f" ({subject}_id, {columns}) WHERE deleted_at IS NULL"
        )
        for subject in ("service", "vendor")
        for sort, columns in _SORTS.items()
    },
    # For totals, which the counters alone do not give: few rows among many.
    **{
        f"ix_review_{subject}_hidden": (
            f"INDEX ix_review_{subject}_hidden ON review ({subject}_id, customer_id)"
            " WHERE deleted_at IS NULL AND status IN ('PENDING', 'REJECTED')"
        )
        for subject in ("service", "vendor")
    },
    "ix_review_newest": (
        "INDEX ix_review_newest ON review (status, created_at, id) WHERE deleted_at IS NULL"
    ),
    "ix_review_customer": "INDEX ix_review_customer ON review (customer_id, created_at, id)",
    "uq_review_idempotency_key": (
        "UNIQUE INDEX uq_review_idempotency_key ON review (customer_id, idempotency_key)"
        " WHERE idempotency_key IS NOT NULL"
    ),
    "ix_review_revision_review": (
        "INDEX ix_review_revision_review ON review_revision (review_id, replaced_at, id)"
    ),
    "uq_review_vote": "UNIQUE INDEX uq_review_vote ON review_vote (review_id, person)",
    "ix_orders_customer": "INDEX ix_orders_customer ON orders (customer_id)",
    "ix_orders_vendor": "INDEX ix_orders_vendor ON orders (vendor_id)",
    "ix_orders_service": "INDEX ix_orders_service ON orders (service_id)",
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
    "ix_notification_subject": "INDEX ix_notification_subject ON notification (subject_id)",
    "ix_outbox_mail_due": (
        "INDEX ix_outbox_mail_due ON outbox_mail (due_at, id) WHERE status = 'SCHEDULED'"
    ),
    "ix_outbox_mail_lease": (
        "INDEX ix_outbox_mail_lease ON outbox_mail (lease_until) WHERE status = 'SENDING'"
    ),
    "ix_outbox_mail_subject": (
        "INDEX ix_outbox_mail_subject ON outbox_mail (subject_id)"
        " WHERE status IN ('SCHEDULED', 'SENDING')"
    ),
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
    "ix_order_update_customer_activity": (
        "INDEX ix_order_update_customer_activity ON order_update (customer_activity_at, id)"
    ),
    "ix_order_update_status": (
        "INDEX ix_order_update_status ON order_update (status, team_activity_at, id)"
    ),
    "ix_order_update_assignee": (
        "INDEX ix_order_update_assignee ON order_update (assignee_id, team_activity_at, id)"
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
    "ix_tracking_event_newest": "INDEX ix_tracking_event_newest ON tracking_event (at, id)",
    "ix_tracking_event_order": "INDEX ix_tracking_event_order ON tracking_event (order_id, at, id)",
    "ix_tracking_event_subject": (
        "INDEX ix_tracking_event_subject ON tracking_event (subject_id, at, id)"
    ),
    "ix_tracking_event_actor": "INDEX ix_tracking_event_actor ON tracking_event (actor, at, id)",
    "ix_tracking_event_kind": "INDEX ix_tracking_event_kind ON tracking_event (kind, at, id)",
}

"""For each mutation, the query that shows its outcome when the response was lost."""

_REVIEW = "query($reviewId: ID!) {{ review(id: $reviewId) {{ {} }} }}"
_UPDATE = "query($updateId: ID!) {{ orderUpdate(id: $updateId) {{ {} }} }}"
_MAIL = "query($id: ID!) { node(id: $id) { ... on MailDelivery { status } } }"
_DECISION = _REVIEW.format("status moderation { reason note } pendingVersion { submittedAt }")
_OF_ORDER = "query($order: NodeRef!) {{ order(ref: $order) {{ {} }} }}"

_WORDS = "rating body subRatings { communication quality value }"

# Variables are named as their values in the mutation's input, or in one row of it.
OUTCOME_QUERIES = {
    "createReview": _OF_ORDER.format("review { rating body createdAt }"),
    "editReview": _REVIEW.format(f"{_WORDS} editedAt pendingVersion {{ {_WORDS} submittedAt }}"),
    "deleteReview": _REVIEW.format("id"),
    "replyToReview": _REVIEW.format("reply { body createdAt }"),
    "deleteReply": _REVIEW.format("reply { body createdAt }"),
    "approveReview": _DECISION,
    "rejectReview": _DECISION,
    "moderateReviews": _DECISION,
    "voteHelpful": _REVIEW.format("viewerHasVoted"),
    "withdrawVote": _REVIEW.format("viewerHasVoted"),
    "openUpdate": _OF_ORDER.format(
        "updates(orderBy: NEWEST, first: 1) { nodes { title createdAt } }"
    ),
    "postNote": _UPDATE.format("notes(last: 1) { nodes { body createdAt } }"),
    "assignUpdate": _UPDATE.format("assignee { externalId }"),
    "solveUpdate": _UPDATE.format("status solvedAt"),
    "reopenUpdate": _UPDATE.format("status"),
    "reportStillHasIssue": _UPDATE.format("status"),
    "rateUpdate": _UPDATE.format("status rating { stars comment }"),
    "retryMail": _MAIL,
    "cancelMail": _MAIL,
    "upsertOrders": (
        "query($externalId: String!)"
        " { order(ref: {externalId: $externalId}) { status completedAt } }"
    ),
    "upsertTeamMembers": (
        "query($externalId: String!) { teamMembers(filter: {search: $externalId})"
        " { nodes { externalId displayName role active } } }"
    ),
    "revokeLinks": (
        "query($order: NodeRef!) { trackingLog(filter: {order: $order, kind: LINKS_REVOKED},"
        " first: 1) { nodes { at actor } } }"
    ),
    "updateSettings": (
        "{ trackingLog(filter: {kind: SETTINGS_CHANGED}, first: 1)"
        " { nodes { at actor details { name value } } } }"
    ),
    "markNotificationsRead": ("{ viewer { notifications(first: 100) { nodes { id readAt } } } }"),
}
# Idempotent whatever others did meanwhile.
REPEATABLE = {"upsertOrders", "upsertTeamMembers", "markNotificationsRead"}

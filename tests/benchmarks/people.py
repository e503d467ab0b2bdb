"""Operations of people who are signed in, as requests: what they look at and do all day."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from marketplace import Size, open_order
from operations import DOCUMENTS, Operation, trace

from candor.callers.tokens import sign
from candor.settings import Settings

_PEOPLE = 50
_ROW = "nodes { id rating body status createdAt author { displayName } reply { body } }"
_QUERIES = {
    "page": ("customer", DOCUMENTS["Q1"]),
    "order": (
        "customer",
        ("query($ref: NodeRef!) { order(ref: $ref) { status completedAt service { title }"
        " vendor { displayName } review { rating } reviewEligibility { eligible reason lastDay } } }"),
    ),
    "inbox": (
        "customer",
        ("{ viewer { unreadNotificationCount notifications(first: 20)"
        " { nodes { kind message createdAt readAt } } } }"),
    ),
    "unanswered": (
        "vendor",
        ("query($ref: NodeRef!) { vendor(ref: $ref)"
        f" {{ reviews(first: 20, filter: {{hasReply: false}}) {{ totalCount {_ROW} }} }} }}"),
    ),
    "dashboard": (
        "vendor",
        ("query($ref: NodeRef!) { vendor(ref: $ref) { level ratingSummary { count average"
        " breakdown { stars count } } services(first: 10) { nodes { title ratingSummary"
        f" {{ count average }} }} }} reviews(first: 10) {{ {_ROW} }} }} }}"),
    ),
    "queue": (
        "moderator",
        f"{{ reviews(first: 50, filter: {{status: PENDING}}) {{ totalCount {_ROW} }} }}",
    ),
    "newest": ("moderator", f"{{ reviews(first: 20) {{ {_ROW} }} }}"),
    "member": (
        "staff",
        ("{ orderUpdates(first: 20) { nodes { id title status } } teamMembers(first: 20)"
        " { nodes { id } } }"),
    ),
    "mails": (
        "admin",
        "{ mailDeliveries(first: 20, filter: {status: SCHEDULED}) { nodes { mail recipient dueAt } } }",
    ),
    "log": ("admin", "{ trackingLog(first: 20) { nodes { kind } } }"),
}  # fmt: skip
VOTE = (
    "mutation($input: VoteInput!) { voteHelpful(input: $input)"
    " { review { helpfulCount viewerHasVoted } errors { code } } }"
)
_NAMES: dict[str, Callable[[Size, int], dict[str, Any]]] = {
    "page": lambda size, number: _ref(trace(size)[number]),
    "order": lambda size, number: _ref(open_order(size, number % max(size.open_orders, 1))[0]),
    "unanswered": lambda size, number: _ref(_vendor(size, number)),
    "dashboard": lambda size, number: _ref(_vendor(size, number)),
}


def looks(size: Size, settings: Settings) -> dict[str, list[Operation]]:
    """What people look at, by a name: fifty of each."""
    return {
        f"{role}: {name}": [
            Operation(query, _NAMES.get(name, _nothing)(size, number), _token(size, settings, role, number))
            for number in range(_PEOPLE)
        ]
        for name, (role, query) in _QUERIES.items()
    }  # fmt: skip


def votes(settings: Settings, reviews: list[str], count: int) -> list[Operation]:
    """Votes for these reviews, each by a person who has not voted for it before."""
    people = [
        sign(settings, {"sub": f"READER-{number}", "role": "customer"}, timedelta(hours=6))
        for number in range(-(-count // len(reviews)))
    ]
    return [
        Operation(VOTE, {"input": {"reviewId": review}}, person)
        for person in people
        for review in reviews
    ][:count]


def _ref(external_id: str) -> dict[str, Any]:
    return {"ref": {"externalId": external_id}}


def _nothing(_size: Size, _number: int) -> dict[str, Any]:
    return {}


def _vendor(size: Size, number: int) -> str:
    return f"VENDOR-{number % size.vendors:05}"


def _token(size: Size, settings: Settings, role: str, number: int) -> str:
    claims = {
        "customer": {"sub": open_order(size, number % max(size.open_orders, 1))[1]},
        "vendor": {"sub": f"SELLER-{number}", "vendor": _vendor(size, number)},
    }
    given = claims.get(role, {"sub": f"{role.upper()}-{number}"})
    return sign(settings, given | {"role": role, "name": "Maria Souza"}, timedelta(hours=6))

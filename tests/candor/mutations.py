"""Every mutation with something to do it with, made anew for each time that it is done."""

import re
from typing import Any

from graphql import GraphQLInputObjectType, get_named_type

from models import Notification, OutboxMail
from schema import ids
from schema.api import schema
from tests.fixtures.people import Person
from tests.fixtures.reviews import BODY, order_input

FIELDS = schema._schema.mutation_type.fields
# The same update as others show it: what they give is of no interest here.
_ERRORS = "errors { code message }"
_ROWS = "results { errors { code message } }"


def input_of(mutation: str) -> GraphQLInputObjectType:
    return get_named_type(FIELDS[mutation].args["input"].type)


def has_key(mutation: str) -> bool:
    return "idempotencyKey" in input_of(mutation).fields


def document(mutation: str) -> str:
    """The mutation, whose payload tells what was refused, also in rows."""
    rows = _ROWS if "results" in get_named_type(FIELDS[mutation].type).fields else ""
    kind = input_of(mutation).name
    return f"mutation($input: {kind}!) {{ {mutation}(input: $input) {{ {rows} {_ERRORS} }} }}"


class Stage:
    """`await stage.prepared(mutation, name)` gives who does it, and with which input."""

    def __init__(self, cast: dict[str, Person], **make: Any) -> None:
        self._cast, self._make = cast, make

    async def prepared(self, mutation: str, name: str) -> tuple[str, dict[str, Any]]:
        method = re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", mutation)
        return await getattr(self, method)(name)  # type: ignore[no-any-return]

    async def _review(self, name: str, **changes: Any) -> str:
        return (await self._make["review"](name, **changes))["id"]

    async def _update(self, name: str, *, solved: bool = False) -> str:
        update = await self._make["open_update"](name)
        if solved:
            await self._make["solve"](update, notifyCustomer=True)
        return update["id"]

    async def _replied(self, name: str) -> str:
        key = await self._review(name)
        await self._cast["nina"].do("replyToReview", reviewId=key, body="Thank you.")
        return key

    async def create_review(self, name: str) -> tuple[str, dict[str, Any]]:
        await self._make["feed"](name)
        return "maria", {"order": {"externalId": name}, "rating": 4, "body": BODY}

    async def edit_review(self, name: str) -> tuple[str, dict[str, Any]]:
        return "maria", {"reviewId": await self._review(name), "rating": 1, "body": f"{BODY} Not."}

    async def delete_review(self, name: str) -> tuple[str, dict[str, Any]]:
        return "ada", {"reviewId": await self._review(name), "reason": "A test."}

    async def reply_to_review(self, name: str) -> tuple[str, dict[str, Any]]:
        return "nina", {"reviewId": await self._review(name), "body": "Thank you, Maria."}

    async def delete_reply(self, name: str) -> tuple[str, dict[str, Any]]:
        return "ada", {"reviewId": await self._replied(name), "reason": "A test."}

    async def reject_review(self, name: str) -> tuple[str, dict[str, Any]]:
        return "ada", {"reviewId": await self._review(name), "reason": "SPAM"}

    async def approve_review(self, name: str) -> tuple[str, dict[str, Any]]:
        _, rejected = await self.reject_review(name)
        await self._cast["ada"].do("rejectReview", **rejected)
        return "ada", {"reviewId": rejected["reviewId"]}

    async def moderate_reviews(self, name: str) -> tuple[str, dict[str, Any]]:
        _, decision = await self.reject_review(name)
        return "ada", {"decisions": [decision | {"status": "REJECTED"}]}

    async def vote_helpful(self, name: str) -> tuple[str, dict[str, Any]]:
        return "carl", {"reviewId": await self._review(name)}

    async def withdraw_vote(self, name: str) -> tuple[str, dict[str, Any]]:
        _, vote = await self.vote_helpful(name)
        await self._cast["carl"].do("voteHelpful", **vote)
        return "carl", vote

    async def open_update(self, name: str) -> tuple[str, dict[str, Any]]:
        await self._make["feed"](name)
        return "maria", {"order": {"externalId": name}, "title": name, "message": "Hello?"}

    async def post_note(self, name: str) -> tuple[str, dict[str, Any]]:
        return "sam", {"updateId": await self._update(name), "body": "It is on its way."}

    async def assign_update(self, name: str) -> tuple[str, dict[str, Any]]:
        return "sam", {"updateId": await self._update(name), "assignee": {"externalId": "SAM"}}

    async def solve_update(self, name: str) -> tuple[str, dict[str, Any]]:
        return "sam", {"updateId": await self._update(name), "notifyCustomer": True}

    async def reopen_update(self, name: str) -> tuple[str, dict[str, Any]]:
        return "sam", {"updateId": await self._update(name, solved=True), "note": "Not yet."}

    async def report_still_has_issue(self, name: str) -> tuple[str, dict[str, Any]]:
        return "maria", {"updateId": await self._update(name, solved=True), "note": "Not yet."}

    async def rate_update(self, name: str) -> tuple[str, dict[str, Any]]:
        return "maria", {
            "updateId": await self._update(name, solved=True),
            "stars": 2,
            "comment": "No.",
        }

    async def retry_mail(self, name: str) -> tuple[str, dict[str, Any]]:
        person, mail = await self.cancel_mail(name)
        await OutboxMail.filter(id=ids.decode(mail["id"])[1]).update(status="DEAD")
        return person, mail

    async def cancel_mail(self, name: str) -> tuple[str, dict[str, Any]]:
        _, review = ids.decode(await self._review(name))
        mail = await OutboxMail.get(mail="review.received", subject_id=review)
        return "ada", {"id": ids.encode("MailDelivery", mail.id)}

    async def upsert_orders(self, name: str) -> tuple[str, dict[str, Any]]:
        return "shop", {"orders": [order_input(name)]}

    async def upsert_team_members(self, name: str) -> tuple[str, dict[str, Any]]:
        return "ada", {"members": [{"externalId": f"TEAM-{name}", "displayName": name}]}

    async def revoke_links(self, name: str) -> tuple[str, dict[str, Any]]:
        await self._make["feed"](name)
        return "ada", {"order": {"externalId": name}}

    async def update_settings(self, name: str) -> tuple[str, dict[str, Any]]:
        return "ada", {"siteName": name}

    async def mark_notifications_read(self, name: str) -> tuple[str, dict[str, Any]]:
        await self._review(name)
        newest = await Notification.filter(kind="review.received").order_by("-id").first()
        return "nina", {"ids": [ids.encode("Notification", newest.id)]}

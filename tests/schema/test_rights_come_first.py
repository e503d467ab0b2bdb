"""Rights are checked before input: for every mutation, generated from the schema."""

from random import Random
from uuid import UUID

import pytest
from graphql import (
    get_named_type,
    get_nullable_type,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    is_required_input_field,
)

from schema import ids
from schema.api import schema

MUTATIONS = schema._schema.mutation_type.fields
PEOPLE = ("nobody", "maria", "by_link", "nina", "sam", "mona", "ada", "shop", "team_key")
ADMINS, MODERATORS, TEAM = {"ada"}, {"mona", "ada"}, {"sam", "mona", "ada"}
KNOWN = set(PEOPLE) - {"nobody", "shop", "team_key"}
# Those whose role allows it, on things of their own.
FOR = {
    **dict.fromkeys(("approveReview", "rejectReview", "moderateReviews"), MODERATORS),
    **dict.fromkeys(("deleteReview", "deleteReply"), ADMINS),
    **dict.fromkeys(("updateSettings", "retryMail", "cancelMail", "revokeLinks"), ADMINS),
    **dict.fromkeys(("assignUpdate", "solveUpdate", "reopenUpdate"), TEAM),
    **dict.fromkeys(("rateUpdate", "reportStillHasIssue"), KNOWN - TEAM),
    **dict.fromkeys(("createReview", "editReview", "openUpdate", "postNote"), KNOWN),
    **dict.fromkeys(("voteHelpful", "withdrawVote", "markNotificationsRead"), KNOWN - {"by_link"}),
    "replyToReview": {"nina"},
    "upsertOrders": {"shop"},
    "upsertTeamMembers": {"team_key", "ada"},
}
# More specific codes than FORBIDDEN.
NO = {"createReview": "NOT_THE_CUSTOMER", "replyToReview": "NOT_THE_VENDOR"}
BROKEN = {
    "ID": ["", "x", "\x00", "é" * 300, ids.encode("TrackingEvent", UUID(int=1))],
    "String": ["", "\x00", "x" * 30_000],
    "Int": [-1, 0, 2**31 - 1],
    "Float": [-1.5, 1e300],
    "Boolean": [True, False],
    "DateTime": ["never", "2026-01-01T00:00:00"],
}
SAMPLES = 6


def _broken(type_, random):
    inner = get_nullable_type(type_)
    if is_list_type(inner):
        return [_broken(inner.of_type, random) for _ in range(random.choice([0, 1, 2]))]
    if is_enum_type(inner):
        return random.choice(list(inner.values))
    if not is_input_object_type(inner):
        return random.choice(BROKEN[inner.name])
    if inner.name == "NodeRef":  # exactly one of two
        name = random.choice(list(inner.fields))
        return {name: random.choice(BROKEN["ID"])}
    return {
        name: _broken(field.type, random)
        for name, field in inner.fields.items()
        if is_required_input_field(field) or random.random() < 0.6
    }


@pytest.fixture
async def people(nobody, maria, nina, sam, mona, ada, shop, team_key, feed, guest):
    by_link = guest(order=(await feed())["order"]["id"])
    return dict(
        zip(PEOPLE, (nobody, maria, by_link, nina, sam, mona, ada, shop, team_key), strict=True)
    )


def test_every_mutation_says_whom_it_is_for():
    assert MUTATIONS.keys() == FOR.keys()


@pytest.mark.parametrize("name", MUTATIONS)
async def test_a_wrong_role_is_told_so_whatever_it_sends(name, people, stored):
    type_ = MUTATIONS[name].args["input"].type
    query = (
        f"mutation($input: {get_named_type(type_).name}!)"
        f" {{ {name}(input: $input) {{ errors {{ code }} }} }}"
    )
    wrong = [person for person in PEOPLE if person not in FOR[name]]
    before = await stored()

    for seed in range(SAMPLES):
        given = _broken(type_, Random(seed))
        for person in wrong:
            answer = await people[person].ask(query, input=given)
            code = "UNAUTHENTICATED" if person == "nobody" else NO.get(name, "FORBIDDEN")
            assert (person, given, answer[name]["errors"]) == (person, given, [{"code": code}])

    assert await stored() == before


@pytest.mark.parametrize(
    ("name", "given", "field"),
    [
        ("openUpdate", {"order": {"id": "x"}, "title": "", "customerVisible": False}, "customerVisible"),
        ("openUpdate", {"order": {"id": "x"}, "title": "", "assignee": {"id": "x"}}, "assignee"),
        ("postNote", {"updateId": "x", "body": "", "internal": True}, "internal"),
    ],
)  # fmt: skip
async def test_what_only_the_team_may_say_is_refused_before_ids_are_read(
    name, given, field, people, stored
):
    before = await stored()

    for person in ("maria", "by_link", "nina"):
        payload = await people[person].do(name, **given)
        assert [(error["code"], error["field"]) for error in payload["errors"]] == [
            ("FORBIDDEN", ["input", field])
        ]

    assert await stored() == before


@pytest.mark.parametrize(
    ("query", "allowed"),
    [
        ('mailDeliveries(filter: { subject: "x" })', ADMINS),
        ('mailDeliveries(first: -1, last: 3, after: "x")', ADMINS),
        ('trackingLog(filter: { update: "x", actor: "", order: { id: "x" } })', TEAM),
        ('trackingLog(filter: { happenedAfter: "never" })', TEAM),
        ("trackingLog(first: 1000)", TEAM),
        ('trackingLog(filter: { review: "x" })', TEAM),
        ("teamMembers(first: 1000)", TEAM),
        ('teamAnalytics(period: { from: "2026-02-01", to: "2026-01-01" })', TEAM),
    ],
)
async def test_so_is_who_asks_for_what_others_read(query, allowed, people):
    text = f"{{ {query} {{ __typename }} }}"

    for person in PEOPLE:
        code = "UNAUTHENTICATED" if person == "nobody" else "FORBIDDEN"
        expected = "INVALID" if person in allowed else code
        assert (person, await people[person].refused(text)) == (person, [expected])

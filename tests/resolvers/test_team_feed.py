"""`upsertTeamMembers`: a team is data, with a result per row, whoever has acted before."""

import asyncio
from uuid import UUID

import pytest

from models import Notification, OutboxMail, TeamMember, sql
from resolvers import inactive_members
from schema import ids

RESULTS = (
    "results { externalId outcome errors { code field message }"
    " teamMember { id externalId displayName role active deactivatedAt } }"
)
TEAM = """query($f: TeamMemberFilter, $first: Int, $after: String) {
  teamMembers(filter: $f, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor }
    nodes { externalId displayName role active } } }"""
LOG = """query($k: TrackingKind) { trackingLog(filter: { kind: $k }) {
  nodes { actor subject { ... on TeamMember { externalId } ... on OrderUpdate { id } }
    details { name value } } } }"""


@pytest.fixture
def upsert(ada):
    """Send members, as Ada unless `by` somebody: the results."""

    async def send(*members, by=None):
        payload = await (by or ada).do("upsertTeamMembers", RESULTS, members=[*members])
        assert payload["errors"] == []
        return payload["results"]

    return send


def codes(results):
    return [[error["code"] for error in result["errors"]] for result in results]


async def names(person, **filter):
    page = (await person.ask(TEAM, f=filter))["teamMembers"]
    assert page["totalCount"] == len(page["nodes"])
    return [node["externalId"] for node in page["nodes"]]


async def test_a_member_who_never_acted_is_created_picked_and_assigned(upsert, open_update, sam):
    [result] = await upsert({"externalId": "TOM", "displayName": "  Tom \n Ruiz "})
    update = await open_update(assignee={"externalId": "TOM"})

    assert (result["outcome"], result["errors"]) == ("CREATED", [])
    member = {"externalId": "TOM", "displayName": "Tom Ruiz", "role": "STAFF", "active": True}
    assert result["teamMember"] == member | {
        "id": result["teamMember"]["id"],
        "deactivatedAt": None,
    }
    assert update["assignee"] == {"externalId": "TOM", "displayName": "Tom Ruiz"}
    assert (await sam.ask(TEAM, f={"search": "RUIZ"}))["teamMembers"]["nodes"] == [member]
    assert await TeamMember.filter(external_id="ADA", role="ADMIN").count() == 1


async def test_what_is_left_out_stays_and_the_same_again_changes_nothing(upsert, stored):
    tom = {"externalId": "TOM", "displayName": "Tom", "email": "Tom@Example.com", "role": "ADMIN"}
    await upsert(tom)
    before = await stored()

    again = await upsert(tom, {"externalId": "TOM"}, {"externalId": "TOM", "active": True})
    assert [each["outcome"] for each in again] == ["UNCHANGED"] * 3
    assert await stored() == before

    [renamed] = await upsert({"externalId": "TOM", "displayName": "Thomas"})
    [row] = await TeamMember.filter(external_id="TOM")
    assert renamed["outcome"] == "UPDATED"
    assert (row.display_name, row.email, row.role) == ("Thomas", "Tom@example.com", "ADMIN")
    await upsert({"externalId": "TOM", "email": None, "displayName": None, "role": None})
    [row] = await TeamMember.filter(external_id="TOM")
    assert (row.display_name, row.email, row.role) == ("Thomas", None, "ADMIN")


async def test_rows_of_one_member_are_applied_in_their_order(upsert):
    results = await upsert(
        {"externalId": "TOM", "displayName": "Tom"},
        {"externalId": "TOM", "role": "MODERATOR", "active": False},
        {"externalId": "TOM", "displayName": "Tom"},
        {"externalId": "TOM", "active": True, "displayName": "Thomas"},
    )

    assert [each["outcome"] for each in results] == ["CREATED", "UPDATED", "UNCHANGED", "UPDATED"]
    shown = {(m["displayName"], m["role"], m["active"]) for m in (r["teamMember"] for r in results)}
    assert shown == {("Thomas", "MODERATOR", True)}
    assert await TeamMember.filter(external_id="TOM").count() == 1


BAD = [
    ({"externalId": ""}, ["INVALID"], [["externalId"]]),
    ({"externalId": " TOM"}, ["INVALID"], [["externalId"]]),
    ({"externalId": "TOM", "displayName": "\u200b"}, ["INVALID"], [["displayName"]]),
    ({"externalId": "TOM", "displayName": "x" * 201}, ["INVALID"], [["displayName"]]),
    ({"externalId": "TOM", "displayName": "tom@example.com"}, ["INVALID"], [["displayName"]]),
    (
        {"externalId": "TOM", "displayName": "", "email": "Tom <tom@example.com>"},
        ["INVALID", "INVALID"],
        [["displayName"], ["email"]],
    ),
]


@pytest.mark.parametrize(("row", "expected", "fields"), BAD)
async def test_a_bad_row_says_what_is_wrong_and_spoils_no_good_one(row, expected, fields, upsert):
    bad, good = await upsert(row, {"externalId": "EVA"})

    assert codes([bad, good]) == [expected, []]
    assert [error["field"] for error in bad["errors"]] == [
        ["input", "members", "0", *field] for field in fields
    ]
    assert bad["outcome"] is bad["teamMember"] is None
    assert await TeamMember.filter(external_id__in=["TOM", "", " TOM"]).count() == 0


async def test_501_members_are_too_many(ada, stored):
    before = await stored()

    payload = await ada.do(
        "upsertTeamMembers", members=[{"externalId": f"M-{n}"} for n in range(501)]
    )

    assert [error["code"] for error in payload["errors"]] == ["INVALID"]
    assert await stored() == before


async def test_500_members_take_as_many_statements_as_one(upsert, monkeypatch):
    ran = []
    for name in ("fetch", "execute", "execute_many"):
        plain = getattr(sql, name)

        async def record(statement, *values, plain=plain, **options):
            ran.append(statement)
            return await plain(statement, *values, **options)

        monkeypatch.setattr(sql, name, record)

    async def ran_for(first, count, **changes):
        ran.clear()
        rows = [{"externalId": f"M-{n}"} | changes for n in range(first, first + count)]
        results = await upsert(*rows)
        assert "UNCHANGED" not in {result["outcome"] for result in results}
        # A process reads who is inactive by time, not for each request.
        return len([each for each in ran if each != inactive_members.STATEMENT])

    await upsert({"externalId": "ADA"})
    assert 3 <= await ran_for(1, 1) == await ran_for(2, 499)
    assert 3 <= await ran_for(1, 1, active=False) == await ran_for(2, 499, active=False)


async def test_a_key_makes_and_ends_no_admins(upsert, team_key, ada, stored):
    await upsert(
        {"externalId": "BOSS", "role": "ADMIN"},
        {"externalId": "OLD", "role": "ADMIN", "active": False},
        {"externalId": "TOM"},
    )
    before = await stored()
    refused = [
        {"externalId": "NEW", "role": "ADMIN"},
        {"externalId": "TOM", "role": "ADMIN"},
        {"externalId": "BOSS", "role": "STAFF"},
        {"externalId": "BOSS", "active": False},
        {"externalId": "OLD", "active": True},
    ]
    results = await upsert(*refused, by=team_key)
    assert codes(results) == [["FORBIDDEN"]] * len(refused)
    assert await stored() == before

    results = await upsert(
        {"externalId": "TOM", "role": "MODERATOR"},
        {"externalId": "BOSS", "role": "ADMIN", "active": True, "displayName": "The boss"},
        {"externalId": "NEW", "active": False},
        by=team_key,
    )
    assert [each["outcome"] for each in results] == ["UPDATED", "UPDATED", "CREATED"]
    key = results[0]["teamMember"]["id"]
    assert (await team_key.ask("query($i: ID!) { node(id: $i) { id } }", i=key))["node"]


async def test_the_last_active_admin_who_is_known_cannot_be_deactivated(upsert, stored):
    await upsert({"externalId": "OLD", "role": "ADMIN", "active": False})
    before = await stored()
    oneself = {"externalId": "ADA", "active": False}

    assert codes(await upsert(oneself)) == [["CONFLICT"]]
    assert codes(await upsert(oneself | {"role": "STAFF"})) == [["CONFLICT"]]
    assert await stored() == before
    both = await upsert({"externalId": "EVE", "role": "ADMIN"}, oneself, {"externalId": "EVE", "active": False})  # fmt: skip

    assert codes(both) == [[], [], ["CONFLICT"]]
    active = await TeamMember.filter(role="ADMIN", deactivated_at__isnull=True)
    assert [member.external_id for member in active] == ["EVE"]


async def test_of_two_admins_who_end_themselves_at_once_one_stays(upsert, person, ada):
    eve = person("admin", "EVE")
    await upsert({"externalId": "EVE", "role": "ADMIN"}, {"externalId": "ADA"})
    for _ in range(10):
        payloads = await asyncio.gather(
            *(
                who.do("upsertTeamMembers", RESULTS, members=[{"externalId": who.id, "active": False}])
                for who in (ada, eve)
            )
        )  # fmt: skip

        outcomes = [codes(each["results"]) for each in payloads]
        assert sorted(outcomes) == [[[]], [["CONFLICT"]]]
        assert await TeamMember.filter(deactivated_at__isnull=True).count() == 1
        await TeamMember.all().update(deactivated_at=None)
        inactive_members.read_again()


async def test_calls_that_name_the_same_new_members_at_once_all_succeed(upsert, team_key, ada):
    rows = [{"externalId": f"M-{n}", "displayName": f"Member {n}"} for n in range(30)]

    async def send(by, rows):
        return await upsert(*rows, by=by)

    answers = await asyncio.gather(
        *(send(by, order) for by in (ada, team_key) for order in (rows, rows[::-1]) for _ in "12")
    )

    assert {str(codes(each)) for each in answers} == {str([[]] * 30)}
    outcomes = [result["outcome"] for results in answers for result in results]
    assert outcomes.count("CREATED") == 30
    assert await TeamMember.filter(external_id__startswith="M-").count() == 30


async def test_who_is_deactivated_is_unassigned_gets_nothing_and_keeps_the_credit(
    upsert, open_update, solve, act, show, maria, sam, ada, app
):
    await upsert({"externalId": "TOM", "email": "tom@example.com"})
    tom = {"externalId": "TOM"}
    open_, other = await open_update("ORDER-1", assignee=tom), await open_update("ORDER-2")
    solved = await solve(await open_update("ORDER-3", assignee=tom))
    rated = await solve(await open_update("ORDER-4", assignee=tom))
    await act(maria, "rateUpdate", rated, stars=5)
    await act(maria, "postNote", open_, body="Any news?")
    waiting = OutboxMail.filter(audience="TEAM", recipient="TOM", mail="note.from_customer")
    assert await waiting.values_list("status", flat=True) == ["SCHEDULED"]
    due = await Notification.filter(audience="TEAM", recipient="TOM").count()

    [result] = await upsert({"externalId": "TOM", "active": False})

    assert (result["outcome"], result["teamMember"]["active"]) == ("UPDATED", False)
    assert result["teamMember"]["deactivatedAt"]
    assert (await show(ada, open_))["assignee"] is None
    assert (await show(ada, other))["assignee"] is None
    assert (await show(ada, solved))["assignee"]["externalId"] == "TOM"
    assert (await show(ada, rated))["rating"]["creditedTo"]["externalId"] == "TOM"
    assert await waiting.values_list("status", "reason") == [
        ("CANCELLED", "withdrawn: the member is not active")
    ]
    assert due >= await Notification.filter(audience="TEAM", recipient="TOM").count()
    [freed] = (await ada.ask(LOG, k="UPDATE_UNASSIGNED"))["trackingLog"]["nodes"]
    assert (freed["actor"], freed["subject"]["id"]) == ("ADA", open_["id"])
    [ended] = (await ada.ask(LOG, k="MEMBER_DEACTIVATED"))["trackingLog"]["nodes"]
    assert ended == {
        "actor": "ADA",
        "subject": {"externalId": "TOM"},
        "details": [{"name": "member", "value": "TOM"}],
    }
    await act(maria, "postNote", open_, body="Still waiting.")
    assert await waiting.count() == 1
    unsent = OutboxMail.filter(audience="TEAM", recipient="TOM", status="SCHEDULED")
    assert await unsent.count() == 0


async def test_an_update_that_is_reopened_leaves_a_member_who_is_not_active(
    upsert, open_update, solve, act, show, maria, sam, ada
):
    await upsert({"externalId": "TOM"}, {"externalId": "EVA"})
    toms = await solve(await open_update("ORDER-1", assignee={"externalId": "TOM"}))
    again = await solve(await open_update("ORDER-2", assignee={"externalId": "TOM"}))
    evas = await solve(await open_update("ORDER-3", assignee={"externalId": "EVA"}))
    await upsert({"externalId": "TOM", "active": False})

    await act(sam, "reopenUpdate", toms)
    await act(maria, "reportStillHasIssue", again)
    await act(sam, "reopenUpdate", evas)

    assert [(await show(ada, each))["assignee"] for each in (toms, again)] == [None, None]
    assert (await show(ada, evas))["assignee"]["externalId"] == "EVA"
    freed = (await ada.ask(LOG, k="UPDATE_UNASSIGNED"))["trackingLog"]["nodes"]
    assert {node["subject"]["id"] for node in freed} == {toms["id"], again["id"]}


async def test_who_is_not_active_cannot_be_assigned_until_they_are_again(
    upsert, feed, open_update, sam, stored
):
    await upsert({"externalId": "TOM", "active": False})
    update = await open_update()
    before = await stored()
    tom = {"externalId": "TOM"}

    opened = await sam.do("openUpdate", order={"externalId": "ORDER-1"}, title="It", assignee=tom)
    assigned = await sam.do("assignUpdate", updateId=update["id"], assignee=tom)

    assert [each["code"] for each in opened["errors"] + assigned["errors"]] == ["CONFLICT"] * 2
    assert {tuple(each["field"]) for each in opened["errors"] + assigned["errors"]} == {
        ("input", "assignee")
    }
    assert await stored() == before
    await upsert({"externalId": "TOM", "active": True})
    assigned = await sam.do("assignUpdate", updateId=update["id"], assignee=tom)
    assert assigned["errors"] == []


async def test_nobody_stays_assigned_who_is_deactivated_at_the_same_moment(
    upsert, open_update, sam, app
):
    updates = [await open_update(f"ORDER-{n}") for n in range(6)]
    for _ in range(5):
        await upsert({"externalId": "TOM", "active": True})

        await asyncio.gather(
            upsert({"externalId": "TOM", "active": False}),
            *(
                sam.do("assignUpdate", updateId=each["id"], assignee={"externalId": "TOM"})
                for each in updates
            ),
        )

        assert await sql.fetch("SELECT id FROM order_update WHERE assignee_id IS NOT NULL") == []


async def test_the_list_is_for_the_team_by_name_and_holds_everybody_once(
    upsert, sam, mona, ada, maria, nina, nobody, team_key
):
    people = [("T-3", "Émile"), ("T-1", "Zoë Ödman"), ("T-2", "ada Straße"), ("T-4", "Émile")]
    await upsert(*({"externalId": id_, "displayName": name} for id_, name in people))
    await upsert(
        {"externalId": "T-4", "active": False}, {"externalId": "ADA", "displayName": "Ada"}
    )

    for person in (sam, mona, ada):
        assert await names(person) == ["ADA", "T-2", "T-1", "T-3", "T-4"]
        assert await names(person, active=True) == ["ADA", "T-2", "T-1", "T-3"]
        assert await names(person, active=False) == ["T-4"]
        assert await names(person, search="ÖDM") == ["T-1"]
        assert await names(person, search="strasse") == ["T-2"]
        assert await names(person, search="t-", active=True) == ["T-2", "T-1", "T-3"]
        assert await names(person, search="%") == []
    for person, code in ((maria, "FORBIDDEN"), (nina, "FORBIDDEN"), (team_key, "FORBIDDEN"), (nobody, "UNAUTHENTICATED")):  # fmt: skip
        assert await person.refused(TEAM) == [code]
    seen, after = [], None
    while True:
        page = (await sam.ask(TEAM, first=2, after=after))["teamMembers"]
        seen += [node["externalId"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == ["ADA", "T-2", "T-1", "T-3", "T-4"]
    assert await sam.refused(TEAM, f={"search": "x" * 201}) == ["INVALID"]


async def test_when_somebody_left_is_not_for_customers(
    upsert, open_update, solve, act, maria, sam, ada
):
    await upsert({"externalId": "TOM"})
    update = await solve(await open_update(assignee={"externalId": "TOM"}))
    await act(maria, "rateUpdate", update, stars=5)
    await upsert({"externalId": "TOM", "active": False})
    query = "query($i: ID!) { orderUpdate(id: $i) { rating { creditedTo { externalId deactivatedAt } } } }"

    hers = (await maria.ask(query, i=update["id"]))["orderUpdate"]["rating"]["creditedTo"]
    theirs = (await sam.ask(query, i=update["id"]))["orderUpdate"]["rating"]["creditedTo"]

    assert hers == {"externalId": "TOM", "deactivatedAt": None}
    assert theirs["deactivatedAt"]


async def test_the_log_says_what_changed_and_holds_no_address(upsert, ada):
    await upsert({"externalId": "TOM", "email": "tom@example.com", "role": "MODERATOR"})
    await upsert({"externalId": "TOM", "active": False}, {"externalId": "TOM", "active": True})

    text = str(await ada.ask(LOG))
    changed = (await ada.ask(LOG, k="MEMBER_CHANGED"))["trackingLog"]["nodes"]

    assert "tom@example.com" not in text
    assert [{d["name"]: d["value"] for d in node["details"]} for node in changed] == [
        {"member": "TOM", "changed": "active", "role": "MODERATOR"},
        {"member": "TOM", "changed": "email, role", "role": "MODERATOR"},
    ]
    assert ids.encode("TeamMember", UUID(int=1)) not in text

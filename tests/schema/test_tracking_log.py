"""The tracking log: who did what, when; for the team only."""

from pathlib import Path

import pytest

from resolvers import tracking_log
from resolvers.tracking_log import TrackingKind
from resolvers.viewer import Role, Viewer

LOG = (
    "query($f: TrackingFilter, $first: Int, $after: String) {"
    " trackingLog(filter: $f, first: $first, after: $after) {"
    " totalCount pageInfo { endCursor hasNextPage }"
    " nodes { kind actorRole actor order { externalId } details { name value }"
    " subject { __typename id } } } }"
)


async def kinds(person, **filter):
    page = (await person.ask(LOG, f=filter, first=100))["trackingLog"]
    assert page["totalCount"] == len(page["nodes"])
    return [node["kind"] for node in page["nodes"]]


@pytest.mark.parametrize(
    ("actor", "code"),
    [
        ("nobody", "UNAUTHENTICATED"),
        ("maria", "FORBIDDEN"),
        ("nina", "FORBIDDEN"),
        ("shop", "FORBIDDEN"),
    ],
)
async def test_it_is_for_the_team_alone(actor, code, feed, request):
    person = request.getfixturevalue(actor)

    assert await person.refused("{ trackingLog { totalCount } }") == [code]


async def test_each_step_says_who_did_what(open_update, solve, maria, sam, ada, guest, act, review):
    update = await open_update(message="Hello.", assignee={"externalId": "SAM"})
    await solve(update, by=ada, notifyCustomer=True)
    await act(guest(update=update["id"], solve=1), "rateUpdate", update, stars=3)

    nodes = (await ada.ask(LOG, f={"update": update["id"]}))["trackingLog"]["nodes"]

    for node in nodes:
        assert node["order"] == {"externalId": "ORDER-1"}
        assert node["subject"] == {"__typename": "OrderUpdate", "id": update["id"]}
    entries = [
        (
            node["kind"],
            node["actorRole"],
            node["actor"],
            {d["name"]: d["value"] for d in node["details"] if d["name"] != "note_id"},
        )
        for node in nodes
    ]
    assert entries == [
        ("UPDATE_RATED", "GUEST", None, {"number": "1", "stars": "3"}),
        ("UPDATE_SOLVED", "ADMIN", "ADA", {"number": "1", "notified": "true"}),
        ("NOTE_POSTED", "STAFF", "SAM", {"internal": "false"}),
        ("UPDATE_ASSIGNED", "STAFF", "SAM", {"assignee": "SAM"}),
        ("UPDATE_OPENED", "STAFF", "SAM", {"customer_visible": "true"}),
    ]


async def test_moderation_deletions_and_settings_are_in_it(review, ada):
    written = await review()
    await ada.do("updateSettings", siteName="Shop", ratingsEnabled=False)
    await ada.do("rejectReview", reviewId=written["id"], reason="SPAM")
    await ada.do("deleteReview", reviewId=written["id"], reason="On request.")

    nodes = (await ada.ask(LOG))["trackingLog"]["nodes"]

    assert [(n["kind"], (n["subject"] or {}).get("__typename")) for n in nodes] == [
        ("REVIEW_DELETED", None),
        ("REVIEW_REJECTED", None),
        ("SETTINGS_CHANGED", None),
    ]
    assert nodes[2]["details"] == [{"name": "names", "value": "ratings_enabled, site_name"}]


async def test_filters_narrow_it(open_update, solve, maria, ada, act, at):
    at("2030-01-01T10:00:00+00:00")
    first = await open_update("ORDER-1")
    at("2030-01-02T10:00:00+00:00")
    second = await open_update("ORDER-2")
    at("2030-01-03T10:00:00+00:00")
    await solve(first, by=ada)
    at("2030-01-04T10:00:00+00:00")
    await act(maria, "rateUpdate", first, stars=5)

    assert await kinds(ada) == ["UPDATE_RATED", "UPDATE_SOLVED", "UPDATE_OPENED", "UPDATE_OPENED"]
    assert await kinds(ada, update=second["id"]) == ["UPDATE_OPENED"]
    assert await kinds(ada, order={"externalId": "ORDER-2"}) == ["UPDATE_OPENED"]
    assert await kinds(ada, actor="MARIA") == ["UPDATE_RATED"]
    assert await kinds(ada, kind="UPDATE_SOLVED") == ["UPDATE_SOLVED"]
    assert await kinds(ada, actor="ADA", kind="UPDATE_OPENED") == []
    period = {
        "happenedAfter": "2030-01-02T10:00:00Z",
        "happenedBefore": "2030-01-04T10:00:00Z",
    }
    assert await kinds(ada, **period) == ["UPDATE_SOLVED", "UPDATE_OPENED"]
    naive = await ada.refused(LOG, f={"happenedAfter": "2030-01-02T10:00:00"})
    assert naive == ["INVALID"]


async def test_its_pages_hold_every_event_once(open_update, sam):
    for _ in range(5):
        await open_update(message="Hello.")

    total, after, more = 0, None, True
    while more:
        page = (await sam.ask(LOG, first=3, after=after))["trackingLog"]
        total += len(page["nodes"])
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]

    assert total == 10


async def test_a_kind_without_a_name_for_clients_is_not_recorded(app, stored):
    before = await stored()

    with pytest.raises(ValueError, match=r"update\.forgotten"):
        await tracking_log.record(Viewer(Role.ADMIN, external_id="ADA"), "update.forgotten")

    assert await stored() == before


def test_every_kind_is_recorded_somewhere():
    root = Path(__file__).parents[2] / "resolvers"
    sources = {path for path in root.glob("*.py") if path.stem != "tracking_log"}
    source = "".join(path.read_text() for path in sorted(sources))

    assert [kind for kind in TrackingKind if f'"{kind.value}"' not in source] == []

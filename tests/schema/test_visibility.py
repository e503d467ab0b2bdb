"""What a viewer may not see does not exist: by field, by edge, by node, by filter and by search."""

import itertools
import re
from dataclasses import replace

import pytest

from models import Notification, Review, sql
from resolvers import notifications, orders, review_lookup
from resolvers.viewer import Role, Viewer
from schema import ids

PEOPLE = ("nobody", "maria", "carl", "nina", "omar", "sam", "mona", "ada", "shop")
OMARS = {
    "vendor": {"externalId": "OMAR", "displayName": "Omar", "email": "omar@example.com"},
    "service": {"externalId": "SITE", "title": "A site"},
}
CARL = {"externalId": "CARL", "displayName": "carl@example.com", "email": "carl@example.com"}
MARIA = {"externalId": "MARIA", "displayName": "Maria Souza", "email": "maria@example.com"}
NODES = """query($ids: [ID!]!) { nodes(ids: $ids) { __typename id
  ... on Review { body status moderation { note } revisions { body } order { externalId } }
  ... on Order { externalId review { body } reviewEligibility { reason existingReview { body } } }
  ... on Service { externalId reviews { totalCount nodes { body } } }
  ... on Vendor { externalId reviews { totalCount nodes { body } } }
  ... on Notification { kind subject { id } } } }"""
ALL = """{ reviews(first: 100) { totalCount nodes { id } edges { node { id } } }
  service(ref: {externalId: "LOGO"}) { reviews(first: 100) { nodes { id } edges { node { id } } } }
  vendor(ref: {externalId: "NINA"}) { reviews(first: 100) { nodes { id } edges { node { id } } } } }"""


@pytest.fixture
def settings(settings):
    """A high cost limit: visibility is tested here, not cost."""
    return replace(settings, max_cost=10**9, max_cost_anonymous=10**9)


@pytest.fixture
async def scene(feed, maria, carl, nina, ada):
    """One review in each state, by Maria and by Carl; the ids of all objects by name."""
    made = {}

    async def write(name, person, order, customer, **more):
        await feed(order, customer=customer, **more)
        payload = await person.do("createReview", "review { id }", order={"externalId": order}, rating=5, body=f"The {name} review.")  # fmt: skip
        made[name] = payload["review"]["id"]

    await write("published", maria, "ORDER-1", MARIA)
    await write("rejected", maria, "ORDER-2", MARIA)
    await write("deleted", maria, "ORDER-3", MARIA)
    await write("carls", carl, "ORDER-4", CARL, **OMARS)
    await ada.do("rejectReview", reviewId=made["rejected"], reason="SPAM", note="A secret note.")
    await ada.do("deleteReview", reviewId=made["deleted"], reason="A secret reason.")
    await nina.do("replyToReview", reviewId=made["published"], body="Thank you.")
    await maria.do("editReview", reviewId=made["published"], body="The published review, edited.")
    await ada.do("updateSettings", reviewModeration=True, adminEmail="admin@example.com")
    await write("held", maria, "ORDER-5", MARIA)
    await write("carls held", carl, "ORDER-6", CARL)
    for table, kind in (("orders", "Order"), ("service", "Service"), ("vendor", "Vendor")):
        for row in await sql.fetch(f"SELECT id, external_id FROM {table}"):
            made[row["external_id"]] = ids.encode(kind, row["id"])
    return made


@pytest.fixture
def people(nobody, maria, carl, nina, omar, sam, mona, ada, shop):
    return dict(zip(PEOPLE, (nobody, maria, carl, nina, omar, sam, mona, ada, shop), strict=True))


PUBLIC = {"published", "carls"}
REVIEWS = {
    "nobody": PUBLIC,
    "maria": PUBLIC | {"rejected", "held"},
    "carl": PUBLIC | {"carls held"},
    "nina": PUBLIC,
    "omar": PUBLIC,
    "sam": PUBLIC,
    **dict.fromkeys(("mona", "ada"), PUBLIC | {"rejected", "held", "carls held"}),
    "shop": PUBLIC,
}
MARIAS = {"ORDER-1", "ORDER-2", "ORDER-3", "ORDER-5"}
ALL_ORDERS = {f"ORDER-{n}" for n in range(1, 7)}
ORDERS = {
    "nobody": set(),
    "maria": MARIAS,
    "carl": {"ORDER-4", "ORDER-6"},
    "nina": ALL_ORDERS - {"ORDER-4"},
    "omar": {"ORDER-4"},
    "sam": ALL_ORDERS,
    **dict.fromkeys(("mona", "ada"), ALL_ORDERS),
    "shop": ALL_ORDERS,
}


AUTHORED = {"MARIA": {"published", "rejected", "held"}, "CARL": {"carls", "carls held"}}


async def test_everybody_sees_what_is_theirs_to_see_by_every_way(scene, people):
    names = {id: name for name, id in scene.items()}
    states = [name for name in scene if not re.fullmatch(r"[A-Z0-9-]+", name)]
    for who, person in people.items():
        walked = (await person.ask(NODES, ids=list(scene.values())))["nodes"]
        visible = {names[node["id"]] for node in walked if node}
        assert (who, visible) == (
            who,
            REVIEWS[who] | ORDERS[who] | {"LOGO", "SITE", "NINA", "OMAR"},
        )
        by_node = {
            name
            for name, id in scene.items()
            if (await person.ask("query($i: ID!) { node(id: $i) { id } }", i=id))["node"]
        }
        assert by_node == visible
        by_field = {
            name
            for name in states
            if (await person.ask("query($i: ID!) { review(id: $i) { id } }", i=scene[name]))[
                "review"
            ]
        }
        assert by_field == REVIEWS[who]
        by_order = {
            name
            for name in ALL_ORDERS
            if (await person.ask("query($r: NodeRef!) { order(ref: $r) { id } }", r={"externalId": name}))["order"]
        }  # fmt: skip
        assert by_order == ORDERS[who]
        lists = await person.ask(ALL)
        for connection in (
            lists["reviews"],
            lists["service"]["reviews"],
            lists["vendor"]["reviews"],
        ):
            listed_names = [names[node["id"]] for node in connection["nodes"]]
            assert [names[edge["node"]["id"]] for edge in connection["edges"]] == listed_names
            of_nina = connection is not lists["reviews"]
            assert set(listed_names) == REVIEWS[who] - ({"carls"} if of_nina else set())
            assert len(listed_names) == len(set(listed_names))
        assert lists["reviews"]["totalCount"] == len(REVIEWS[who])
        await _try_filters(who, person, names)


async def _try_filters(who, person, names):
    query = (
        "query($f: ReviewFilter) { reviews(filter: $f, first: 100) { totalCount nodes { id } } }"
    )
    held = {"held", "carls held"} & REVIEWS[who]
    by_status = {
        "PENDING": held,
        "REJECTED": {"rejected"} & REVIEWS[who],
        "APPROVED": PUBLIC,
    }
    for waits, expected in ((True, held), (False, REVIEWS[who] - held)):
        visible = (await person.ask(query, f={"awaitsDecision": waits}))["reviews"]
        assert (who, {names[node["id"]] for node in visible["nodes"]}) == (who, expected)
        assert visible["totalCount"] == len(expected)
    for author in ("MARIA", "CARL", "NINA", "SAM"):
        theirs = {
            name
            for name in AUTHORED.get(author, set())
            if who in {"mona", "ada"} or who == author.lower()
        }
        visible = (await person.ask(query, f={"author": {"externalId": author}}))["reviews"]
        assert (who, {names[node["id"]] for node in visible["nodes"]}) == (who, theirs)
        assert visible["totalCount"] == len(theirs)
    for status, expected in by_status.items():
        visible = (await person.ask(query, f={"status": status}))["reviews"]
        assert (who, {names[node["id"]] for node in visible["nodes"]}) == (who, expected)
        assert visible["totalCount"] == len(expected)
    for word, expected in {
        "rejected review": {"rejected"} & REVIEWS[who],
        "held review": held,
        "deleted review": set(),
    }.items():
        visible = (await person.ask(query, f={"search": word}))["reviews"]
        assert (who, {names[node["id"]] for node in visible["nodes"]}) == (who, expected)
        assert visible["totalCount"] == len(expected)


async def test_who_bought_and_who_decided_is_for_the_team_and_moderators(scene, people):
    query = """query($i: ID!) { order(ref: { externalId: "ORDER-2" }) { customer { externalId displayName } }
        review(id: $i) { moderation { decidedBy { externalId role } } } }"""
    results = {}

    for who, person in people.items():
        answer = await person.ask(query, i=scene["rejected"])
        order, review = answer["order"], answer["review"]
        decided = review and review["moderation"]["decidedBy"]
        results[who] = (order and order["customer"], decided)

    maria = {"externalId": "MARIA", "displayName": "Maria Souza"}
    assert results == {
        **dict.fromkeys(PEOPLE, (None, None)),
        "sam": (maria, None),
        **dict.fromkeys(("mona", "ada"), (maria, {"externalId": "ADA", "role": "ADMIN"})),
    }


async def test_decisions_and_earlier_versions_are_for_the_author_and_admins(scene, people):
    query = "query($i: ID!) { review(id: $i) { moderation { note } revisions { body } } }"
    results = {}

    for who, person in people.items():
        rejected = (await person.ask(query, i=scene["rejected"]))["review"]
        published = (await person.ask(query, i=scene["published"]))["review"]
        results[who] = (rejected and rejected["moderation"], len(published["revisions"]))

    assert results == {
        **dict.fromkeys(PEOPLE, (None, 0)),
        "maria": ({"note": "A secret note."}, 1),
        "mona": ({"note": "A secret note."}, 1),
        "ada": ({"note": "A secret note."}, 1),
    }


EVERYTHING = """fragment R on Review { id rating body status verifiedPurchase author { displayName } createdAt publishedAt editedAt
    reply { body createdAt } helpfulCount viewerHasVoted moderation { status reason note decidedAt } revisions { body rating replacedAt }
    service { id externalId title url jsonLd standing } vendor { id externalId displayName level } order { id externalId status completedAt } }
  query { viewer { role externalId displayName vendor { id } unreadNotificationCount notifications { nodes { id kind subject { id ... on Review { ...R } ... on Order { id externalId } } } } }
  settings { siteName siteUrl timeZone adminEmail reviewUrlTemplate promoterShareUrl sellerLevels { level } } reviewPolicy { verification moderation edits sharing }
  reviews(first: 100) { nodes { ...R } edges { cursor node { id } } pageInfo { startCursor endCursor } }
  services { nodes { id externalId vendor { id displayName } reviews { nodes { ...R } } } edges { cursor } }
  vendor(ref: {externalId: "NINA"}) { id displayName reviews { nodes { ...R } } services { nodes { id jsonLd } } }
  order(ref: {externalId: "ORDER-4"}) { id externalId review { ...R } }
  reviewEligibility(order: {externalId: "ORDER-4"}) { reason message existingReview { id } } }"""
ADDRESS = re.compile(r"[\w.]@\w")
RAW_KEY = re.compile(
    r"[0-9a-f]{8}-?[0-9a-f]{4}-?7[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}",
    re.IGNORECASE,
)


async def test_no_answer_holds_an_address_a_foreign_order_or_a_raw_key(scene, people):
    own = {
        "nobody": set(),
        "maria": MARIAS,
        "carl": {"ORDER-4", "ORDER-6"},
        "nina": ALL_ORDERS - {"ORDER-4"},
        "omar": {"ORDER-4"},
    }
    for who, orders_of in own.items():
        answer = (await people[who].send(EVERYTHING)).json()
        assert "errors" not in answer
        text = str(answer)
        assert ADDRESS.search(text) is None, who
        assert set(re.findall(r"ORDER-\d", text)) <= orders_of, who
        assert RAW_KEY.search(text) is None, who
        foreign = {"MARIA", "CARL"} - {who.upper()}
        assert not any(f"'{name}'" in text for name in foreign), who
        assert "secret reason" not in text
        assert ("secret note" in text) == (who == "maria")
    text = str((await people["ada"].send(EVERYTHING)).json())
    assert "admin@example.com" in text
    assert "maria@example.com" not in text


async def test_a_refusal_names_no_address_no_foreign_order_and_no_raw_key(scene, people):
    for who in ("nobody", "carl", "omar"):
        answers = [
            await people[who].do("createReview", order={"externalId": "ORDER-1"}, rating=5, body="Very good work."),
            await people[who].do("editReview", reviewId=scene["held"], rating=1),
            await people[who].do("replyToReview", reviewId=scene["published"], body="Thanks."),
            await people[who].do("voteHelpful", reviewId=scene["rejected"]),
        ]  # fmt: skip
        text = str(answers)
        assert ADDRESS.search(text) is None
        assert "ORDER-" not in text
        assert RAW_KEY.search(text) is None


async def test_a_guest_sees_the_order_and_review_of_the_link_and_what_is_public(scene):
    keys = {name: ids.decode(id)[1] for name, id in scene.items()}
    guest = Viewer(Role.GUEST, order_id=keys["ORDER-5"])

    seen_orders = await orders.by_ids(guest, [keys[name] for name in ALL_ORDERS])
    seen_reviews = await review_lookup.by_ids(
        guest, [keys[n] for n in REVIEWS["ada"] | {"deleted"}]
    )

    assert set(seen_orders) == {keys["ORDER-5"]}
    assert set(seen_reviews) == {keys["published"], keys["carls"], keys["held"]}
    assert await notifications.unread_count(guest) == 0


async def test_an_inbox_is_its_owners_and_foreign_notices_stay_unread(scene, people, stored):
    query = "query($u: Boolean!) { viewer { unreadNotificationCount notifications(unreadOnly: $u, first: 100) { totalCount nodes { id kind readAt } } } }"
    inboxes = {who: (await p.ask(query, u=False))["viewer"] for who, p in people.items()}
    kinds = {who: sorted({n["kind"] for n in inbox["notifications"]["nodes"]}) for who, inbox in inboxes.items()}  # fmt: skip

    assert kinds == {
        "nobody": [],
        "maria": ["REVIEW_DELETED", "REVIEW_REPLIED", "REVIEW_WITHDRAWN"],
        "carl": [],
        "nina": ["REVIEW_EDITED", "REVIEW_RECEIVED"],
        "omar": ["REVIEW_RECEIVED"],
        "sam": [],
        "mona": [],
        "ada": ["REVIEW_PENDING"],
        "shop": [],
    }
    for one, other in itertools.permutations(people, 2):
        foreign = [node["id"] for node in inboxes[other]["notifications"]["nodes"]]
        if foreign:
            assert (await people[one].ask(NODES, ids=foreign))["nodes"] == [None] * len(foreign)
    notices = [n["id"] for n in inboxes["nina"]["notifications"]["nodes"]]
    before = await stored()
    await people["maria"].do("markNotificationsRead", "viewer { role }", ids=notices)
    assert await stored() == before
    done = await people["nina"].do("markNotificationsRead", "viewer { unreadNotificationCount }", ids=notices)  # fmt: skip
    assert done == {"viewer": {"unreadNotificationCount": 0}, "errors": []}
    first = {row.id: row.read_at for row in await Notification.exclude(read_at=None)}
    await people["nina"].do("markNotificationsRead", all=True)
    assert {row.id: row.read_at for row in await Notification.exclude(read_at=None)} == first


@pytest.mark.parametrize("given", [{}, {"all": True, "ids": []}, {"ids": ["x"]}, {"ids": None}])
async def test_notices_are_marked_by_ids_or_all_of_them(scene, maria, stored, given):
    before = await stored()

    payload = await maria.do("markNotificationsRead", **given)

    assert [error["code"] for error in payload["errors"]] == ["INVALID"]
    assert await stored() == before


async def test_a_display_name_that_is_an_address_is_nobodys_to_read(scene, nobody):
    listed_names = await nobody.ask("query($i: ID!) { review(id: $i) { author { displayName } } }", i=scene["carls"])  # fmt: skip

    assert listed_names["review"]["author"] == {"displayName": "Customer"}
    assert await Review.all().count() == 6


async def test_json_ld_cannot_leave_its_script(feed, maria, nobody):
    title = "</script><script>alert(1)//\u2028&"
    await feed(service={"externalId": "LOGO", "title": title.replace("\u2028", " ")})
    await maria.do(
        "createReview", order={"externalId": "ORDER-1"}, rating=5, body="Very good work."
    )

    text = (await nobody.ask('{ service(ref: {externalId: "LOGO"}) { jsonLd } }'))["service"][
        "jsonLd"
    ]

    assert not set("<>&\u2028\u2029") & set(text)
    assert '"ratingValue": 5.0' in text
    assert '"reviewCount": 1' in text

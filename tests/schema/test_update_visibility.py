"""Updates that a viewer may not see: by list, count, order, cursor, node and notification."""

import pytest

LIST = (
    "query($by: OrderUpdateOrder!) { orderUpdates(orderBy: $by, first: 100) { totalCount"
    " nodes { title lastActivityAt } } }"
)


async def titles(person, by="LATEST_ACTIVITY"):
    page = (await person.ask(LIST, by=by))["orderUpdates"]
    assert page["totalCount"] == len(page["nodes"])
    return [node["title"] for node in page["nodes"]]


@pytest.fixture
async def scene(open_update, feed):
    """Two updates of Maria's and Nina's order, one of them internal, and one of other people's."""
    await feed("ORDER-2", customer={"externalId": "CARL", "displayName": "Carl"})
    result = {
        "visible": await open_update(title="visible"),
        "internal": await open_update(title="internal", customerVisible=False, message="Psst."),
    }
    await feed(
        "ORDER-3",
        customer={"externalId": "CARL", "displayName": "Carl"},
        vendor={"externalId": "OMAR", "displayName": "Omar"},
        service={"externalId": "ICON", "title": "An icon"},
    )
    return result


async def test_each_sees_the_updates_of_own_orders_and_the_team_all(
    scene, maria, carl, nina, omar, sam, ada, shop, nobody, guest, feed
):
    order = (await feed("ORDER-1"))["order"]["id"]

    assert await titles(sam) == await titles(ada) == ["internal", "visible"]
    assert await titles(maria) == await titles(nina) == ["visible"]
    assert await titles(guest(order=order)) == ["visible"]
    assert await titles(guest(update=scene["visible"]["id"])) == ["visible"]
    assert await titles(guest(update=scene["internal"]["id"])) == []
    for person in (carl, omar, shop, nobody):
        assert await titles(person) == []


async def test_below_an_order_it_is_the_same(scene, maria, nina, sam, shop):
    query = (
        '{ order(ref: {externalId: "ORDER-1"}) { updates { totalCount'
        " nodes { title order { updates { nodes { title } } } } } } }"
    )

    for person, expected in (
        (sam, ["internal", "visible"]),
        (maria, ["visible"]),
        (nina, ["visible"]),
        (shop, []),
    ):
        page = (await person.ask(query))["order"]["updates"]
        assert [node["title"] for node in page["nodes"]] == expected
        assert page["totalCount"] == len(expected)
        for node in page["nodes"]:
            below = node["order"]["updates"]["nodes"]
            assert [each["title"] for each in below] == expected


async def test_vendors_see_updates_while_the_setting_is_on(scene, nina, maria, ada):
    await ada.do("updateSettings", siteName="Shop")
    assert await titles(nina) == ["visible"]

    await ada.do("updateSettings", vendorsSeeUpdates=False)

    assert await titles(nina) == []
    assert await titles(maria) == ["visible"]


async def test_a_vendor_who_buys_sees_the_updates_of_own_purchases(open_update, omar, ada, feed):
    await ada.do("updateSettings", vendorsSeeUpdates=False)
    await open_update()
    await feed("ORDER-1", customer={"externalId": "OMAR", "displayName": "Omar"})

    assert await titles(omar) == ["Where is it?"]


async def test_internal_notes_move_nothing_that_the_customer_sees(
    open_update, maria, nina, sam, act, show
):
    first = await open_update(title="first")
    await open_update(title="second")
    before = await show(maria, first)
    assert await titles(maria) == ["second", "first"]

    await act(sam, "postNote", first, body="Psst.", internal=True)
    await act(sam, "assignUpdate", first, assignee={"externalId": "SAM"})

    assert await titles(maria) == await titles(nina) == ["second", "first"]
    assert await titles(sam) == ["first", "second"]
    assert (await show(maria, first))["lastActivityAt"] == before["lastActivityAt"]
    assert (await show(maria, first))["notes"] == {"totalCount": 0, "nodes": []}
    assert (await show(sam, first))["notes"]["totalCount"] == 1


async def test_no_id_opens_what_a_list_hides(scene, maria, nina, carl, sam, ada, guest, act, feed):
    visible, internal = scene["visible"], scene["internal"]
    await act(sam, "postNote", visible, body="Psst.", internal=True)
    await act(sam, "postNote", visible, body="Hello.")
    await act(sam, "assignUpdate", visible, assignee={"externalId": "SAM"})
    order = (await feed("ORDER-1"))["order"]["id"]
    query = (
        "{ orderUpdates { nodes { id assignee { id } notes { nodes { id body } } } }"
        " trackingLog { nodes { id } } }"
    )
    result = await sam.ask(query)
    notes = {
        note["body"]: note["id"]
        for node in result["orderUpdates"]["nodes"]
        for note in node["notes"]["nodes"]
    }
    member = next(n["assignee"]["id"] for n in result["orderUpdates"]["nodes"] if n["assignee"])
    event = result["trackingLog"]["nodes"][0]["id"]
    ids = [visible["id"], internal["id"], notes["Hello."], notes["Psst."], member, event, order]

    async def opened(person):
        nodes = await person.ask("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)
        return [node is not None for node in nodes["nodes"]]

    everything = [True] * 7
    assert await opened(sam) == await opened(ada) == everything
    assert await opened(maria) == [True, False, True, False, True, False, True]
    assert await opened(nina) == [True, False, True, False, True, False, True]
    assert await opened(carl) == [False] * 7
    assert await opened(guest(order=order)) == [True, False, True, False, True, False, True]
    assert await opened(guest(update=visible["id"])) == [
        True,
        False,
        True,
        False,
        True,
        False,
        False,
    ]


async def test_a_link_to_an_update_opens_nothing_else_of_its_order(
    open_update, guest, review, maria, show
):
    update = await open_update()
    await open_update(title="Another.")
    link = guest(update=update["id"], solve=1)

    answer = await link.ask(
        '{ order(ref: {externalId: "ORDER-1"}) { id } viewer { role }'
        ' reviewEligibility(order: {externalId: "ORDER-1"}) { reason }'
        " orderUpdates { nodes { title order { externalId reviewEligibility { reason }"
        " updates { nodes { title } } } } } }"
    )

    assert answer["order"] is None
    assert answer["reviewEligibility"] == {"reason": "ORDER_NOT_FOUND"}
    assert answer["orderUpdates"]["nodes"] == [
        {
            "title": "Where is it?",
            "order": {
                "externalId": "ORDER-1",
                "reviewEligibility": {"reason": "NOT_THE_CUSTOMER"},
                "updates": {"nodes": [{"title": "Where is it?"}]},
            },
        }
    ]
    assert await link.refused("{ trackingLog { totalCount } }") == ["FORBIDDEN"]


async def test_filters_narrow_and_never_widen(scene, maria, sam, solve, feed):
    await solve(scene["visible"])
    query = (
        "query($f: OrderUpdateFilter) { orderUpdates(filter: $f) { totalCount nodes { title } } }"
    )

    async def count(person, **filter):
        return (await person.ask(query, f=filter))["orderUpdates"]["totalCount"]

    order = (await feed("ORDER-1"))["order"]["id"]
    cases = [
        ({"customerVisible": False}, 1, 0),
        ({"customerVisible": True}, 1, 1),
        ({"status": "OPEN"}, 1, 0),
        ({"status": "SOLVED"}, 1, 1),
        ({"order": {"externalId": "ORDER-1"}}, 2, 1),
        ({"order": {"id": order}}, 2, 1),
        ({"order": {"externalId": "ORDER-2"}}, 0, 0),
        ({"unassigned": True}, 2, 1),
        ({"unassigned": False}, 0, 0),
        ({"assignee": {"externalId": "SAM"}}, 0, 0),
        ({"createdAfter": "2099-01-01T00:00:00Z"}, 0, 0),
        ({"createdBefore": "2099-01-01T00:00:00Z"}, 2, 1),
        ({}, 2, 1),
    ]
    for filter, for_sam, for_maria in cases:
        assert (filter, await count(sam, **filter)) == (filter, for_sam)
        assert (filter, await count(maria, **filter)) == (filter, for_maria)


async def test_pages_by_cursor_hold_every_update_once(open_update, sam):
    names = [f"Update {number}" for number in range(7)]
    for name in names:
        await open_update(title=name)
    query = (
        "query($after: String, $by: OrderUpdateOrder!) {"
        " orderUpdates(first: 3, after: $after, orderBy: $by) {"
        " nodes { title } pageInfo { endCursor hasNextPage } } }"
    )

    for by, expected in (
        ("LATEST_ACTIVITY", names[::-1]),
        ("NEWEST", names[::-1]),
        ("OLDEST", names),
    ):
        result, after, more = [], None, True
        while more:
            page = (await sam.ask(query, after=after, by=by))["orderUpdates"]
            result += [node["title"] for node in page["nodes"]]
            after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        assert (by, result) == (by, expected)
    assert await sam.refused(query, after=after, by="NEWEST") == ["INVALID"]


async def test_notes_page_from_the_oldest(open_update, sam, act):
    update = await open_update(message="0")
    for number in range(1, 5):
        await act(sam, "postNote", update, body=str(number))
    query = (
        "query($id: ID!) { orderUpdate(id: $id) { a: notes(first: 2) { nodes { body } pageInfo"
        " { endCursor } } b: notes(last: 2) { nodes { body } } } }"
    )

    result = (await sam.ask(query, id=update["id"]))["orderUpdate"]

    assert [note["body"] for note in result["a"]["nodes"]] == ["0", "1"]
    assert [note["body"] for note in result["b"]["nodes"]] == ["3", "4"]


EVERYTHING = (
    "{ orderUpdates(first: 50) { totalCount nodes { title assignee { externalId }"
    " order { externalId service { title } vendor { displayName } updates { totalCount } }"
    " rating { stars creditedTo { externalId } } viewerCan { rate }"
    " notes { totalCount nodes { body author { displayName } } } } } }"
)


@pytest.mark.parametrize("actor", ["maria", "sam"])
async def test_a_list_takes_as_many_statements_for_one_update_as_for_many(
    actor, open_update, solve, act, maria, statements, request
):
    person = request.getfixturevalue(actor)

    async def write(number):
        update = await open_update(
            f"ORDER-{number}", message="Hello.", assignee={"externalId": "SAM"}
        )
        await solve(update)
        await act(maria, "rateUpdate", update, stars=5)

    await write(0)
    ran = statements()
    await person.ask(EVERYTHING)
    for_one = len(ran)
    for number in range(1, 12):
        await write(number)
    ran.clear()

    page = (await person.ask(EVERYTHING))["orderUpdates"]

    assert len(page["nodes"]) == page["totalCount"] == 12
    assert len(ran) == for_one
    assert for_one <= 12


async def test_the_log_takes_as_many_statements_for_one_event_as_for_many(
    open_update, sam, statements
):
    query = (
        "{ trackingLog(first: 100) { nodes { kind order { externalId }"
        " subject { ... on OrderUpdate { title } } } } }"
    )
    await open_update("ORDER-0")
    ran = statements()
    await sam.ask(query)
    for_one = len(ran)
    for number in range(1, 12):
        await open_update(f"ORDER-{number}", message="Hello.")
    ran.clear()

    await sam.ask(query)

    assert len(ran) == for_one


@pytest.mark.parametrize("strange", ["\x00", "x" * 5000, "' OR 1=1 --", ""])
async def test_strange_ids_find_nothing_and_break_nothing(strange, scene, sam):
    filters = (
        ("orderUpdates", "OrderUpdateFilter", {"order": {"externalId": strange}}),
        ("orderUpdates", "OrderUpdateFilter", {"assignee": {"externalId": strange}}),
        ("trackingLog", "TrackingFilter", {"actor": strange}),
        ("trackingLog", "TrackingFilter", {"order": {"externalId": strange}}),
    )
    for field, type_name, filter in filters:
        query = f"query($f: {type_name}) {{ {field}(filter: $f) {{ totalCount }} }}"
        answer = (await sam.send(query, {"f": filter})).json()
        if "errors" in answer:
            assert [e["extensions"]["code"] for e in answer["errors"]] == ["INVALID"]
        else:
            assert answer["data"][field]["totalCount"] == 0

"""Every refusal of every mutation of an order update; none stores anything."""

import pytest

from models import TeamMember

INPUTS = {
    "postNote": {"body": "Hello."},
    "assignUpdate": {"assignee": {"externalId": "SAM"}},
    "solveUpdate": {"notifyCustomer": False},
    "reopenUpdate": {},
    "reportStillHasIssue": {},
    "rateUpdate": {"stars": 5},
}
OF_THE_TEAM = ["assignUpdate", "solveUpdate", "reopenUpdate"]
OF_THE_CUSTOMER = ["reportStillHasIssue", "rateUpdate"]


def codes(payload) -> list[tuple[str, list[str] | None]]:
    assert payload.get("orderUpdate") is None
    return [(error["code"], error["field"]) for error in payload["errors"]]


@pytest.fixture
def refused(act, stored):
    """The codes of a refused mutation; asserts that everything stored is as before."""

    async def check(person, mutation, update, **input):
        before = await stored()
        payload = await act(person, mutation, update, **(INPUTS[mutation] | input))
        assert await stored() == before
        return codes(payload)

    return check


@pytest.fixture
def closed(open_update, solve, maria, act):
    """A rated update."""

    async def make(id: str = "ORDER-1"):
        update = await open_update(id)
        await solve(update)
        await act(maria, "rateUpdate", update, stars=5)
        return update

    return make


@pytest.mark.parametrize("mutation", INPUTS)
async def test_nobody_is_asked_to_sign_in(mutation, open_update, nobody, refused):
    update = await open_update()

    assert await refused(nobody, mutation, update) == [("UNAUTHENTICATED", ["input", "updateId"])]


@pytest.mark.parametrize("mutation", INPUTS)
async def test_for_strangers_there_is_no_such_update(
    mutation, open_update, solve, carl, omar, shop, guest, refused, feed
):
    update = await open_update()
    other = await open_update("ORDER-2")
    other_order = (await feed("ORDER-2"))["order"]["id"]
    await solve(update)

    for person in (carl, omar, shop, guest(update=other["id"], solve=1), guest(order=other_order)):
        # A role that may never do it is refused, whether the update exists or not.
        code = "FORBIDDEN" if person is shop or mutation in OF_THE_TEAM else "NOT_FOUND"
        assert await refused(person, mutation, update) == [(code, ["input", "updateId"])]


@pytest.mark.parametrize("mutation", INPUTS)
async def test_an_internal_update_does_not_exist_for_customer_guest_and_vendor(
    mutation, open_update, solve, maria, nina, guest, refused, feed
):
    update = await open_update(customerVisible=False)
    order = (await feed("ORDER-1"))["order"]["id"]
    await solve(update, notifyCustomer=None)

    code = "FORBIDDEN" if mutation in OF_THE_TEAM else "NOT_FOUND"
    for person in (maria, nina, guest(update=update["id"], solve=1), guest(order=order)):
        assert await refused(person, mutation, update) == [(code, ["input", "updateId"])]


@pytest.mark.parametrize("mutation", INPUTS)
async def test_its_vendor_sees_it_and_may_do_nothing(mutation, open_update, solve, nina, refused):
    update = await open_update()
    await solve(update)

    assert await refused(nina, mutation, update) == [("FORBIDDEN", ["input", "updateId"])]


@pytest.mark.parametrize("mutation", OF_THE_TEAM)
async def test_the_customer_does_not_do_the_teams_work(
    mutation, open_update, maria, guest, refused
):
    update = await open_update()

    for person in (maria, guest(update=update["id"])):
        assert await refused(person, mutation, update) == [("FORBIDDEN", ["input", "updateId"])]


@pytest.mark.parametrize("mutation", OF_THE_CUSTOMER)
async def test_the_team_does_not_speak_for_the_customer(
    mutation, open_update, solve, sam, ada, refused
):
    update = await open_update()
    await solve(update)

    for person in (sam, ada):
        assert await refused(person, mutation, update) == [("FORBIDDEN", ["input", "updateId"])]


@pytest.mark.parametrize(
    ("mutation", "actor", "code"),
    [
        ("postNote", "maria", "UPDATE_CLOSED"),
        ("postNote", "sam", "UPDATE_CLOSED"),
        ("assignUpdate", "sam", "UPDATE_CLOSED"),
        ("solveUpdate", "sam", "UPDATE_CLOSED"),
        ("reopenUpdate", "sam", "UPDATE_CLOSED"),
        ("reportStillHasIssue", "maria", "UPDATE_CLOSED"),
        ("rateUpdate", "maria", "ALREADY_RATED"),
    ],
)
async def test_a_rated_update_is_read_only_for_everybody(
    mutation, actor, code, closed, refused, request
):
    update = await closed()
    person = request.getfixturevalue(actor)

    assert await refused(person, mutation, update) == [(code, ["input", "updateId"])]


@pytest.mark.parametrize(
    ("mutation", "actor", "code"),
    [
        ("reopenUpdate", "sam", "NOT_SOLVED"),
        ("reportStillHasIssue", "maria", "NOT_SOLVED"),
        ("rateUpdate", "maria", "NOT_SOLVED"),
    ],
)
async def test_an_open_update_is_not_solved(mutation, actor, code, open_update, refused, request):
    update = await open_update()
    person = request.getfixturevalue(actor)

    assert await refused(person, mutation, update) == [(code, ["input", "updateId"])]


async def test_a_second_solve_is_a_conflict_and_sends_nothing(open_update, solve, ada, refused):
    update = await open_update()
    await solve(update, notifyCustomer=True)

    assert await refused(ada, "solveUpdate", update, notifyCustomer=True) == [
        ("CONFLICT", ["input", "updateId"])
    ]


async def test_whether_the_customer_is_told_must_be_said(open_update, sam, refused, act):
    update = await open_update()

    assert await refused(sam, "solveUpdate", update, notifyCustomer=None) == [
        ("INVALID", ["input", "notifyCustomer"])
    ]


async def test_an_internal_update_is_solved_without_a_word(open_update, solve, sam, refused):
    update = await open_update(customerVisible=False)

    assert await refused(sam, "solveUpdate", update, notifyCustomer=True) == [
        ("INVALID", ["input", "notifyCustomer"])
    ]
    assert (await solve(update, notifyCustomer=None))["status"] == "SOLVED"


async def test_a_customer_under_a_solved_update_is_shown_the_way_back(
    open_update, solve, maria, sam, act, refused
):
    update = await open_update()
    await solve(update)

    assert await refused(maria, "postNote", update) == [("CONFLICT", ["input", "updateId"])]
    payload = await act(maria, "postNote", update, body="Hello.")
    assert "reportStillHasIssue" in payload["errors"][0]["message"]
    assert (await act(sam, "postNote", update, body="By the way."))["errors"] == []


async def test_a_customer_writes_no_internal_notes(open_update, maria, refused):
    update = await open_update()

    assert await refused(maria, "postNote", update, internal=True) == [
        ("FORBIDDEN", ["input", "internal"])
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "BODY_TOO_SHORT"),
        (" \u200b\u202e\x00 ", "BODY_TOO_SHORT"),
        ("x" * 20_001, "BODY_TOO_LONG"),
    ],
)
async def test_a_note_says_something_and_ends(body, code, open_update, sam, refused):
    update = await open_update()

    assert await refused(sam, "postNote", update, body=body) == [(code, ["input", "body"])]


@pytest.mark.parametrize(
    ("input", "code", "field"),
    [
        ({"stars": 0}, "RATING_OUT_OF_RANGE", "stars"),
        ({"stars": 6}, "RATING_OUT_OF_RANGE", "stars"),
        ({"comment": "x" * 20_001}, "BODY_TOO_LONG", "comment"),
    ],
)
async def test_a_rating_is_one_to_five_stars_and_a_comment_ends(
    input, code, field, open_update, solve, maria, refused
):
    update = await open_update()
    await solve(update)

    assert await refused(maria, "rateUpdate", update, **input) == [(code, ["input", field])]


async def test_ratings_can_be_off_and_solved_stays_solved(
    open_update, solve, maria, ada, show, refused
):
    update = await open_update()
    await solve(update)
    await ada.do("updateSettings", ratingsEnabled=False)

    assert await refused(maria, "rateUpdate", update) == [
        ("RATINGS_DISABLED", ["input", "updateId"])
    ]
    view = await show(maria, update)
    assert view["status"] == "SOLVED"
    assert view["viewerCan"]["rate"] is False
    assert view["viewerCan"]["reportStillHasIssue"] is True


async def test_comments_can_be_off_and_stars_alone_work(
    open_update, solve, maria, ada, act, refused
):
    update = await open_update()
    await solve(update)
    await ada.do("updateSettings", ratingCommentsEnabled=False)

    assert await refused(maria, "rateUpdate", update, comment="Fine.") == [
        ("COMMENTS_DISABLED", ["input", "comment"])
    ]
    payload = await act(maria, "rateUpdate", update, stars=5, comment=" \n ")
    assert payload["orderUpdate"]["rating"]["comment"] is None


async def test_the_link_of_an_older_solve_rates_nothing(
    open_update, solve, sam, guest, act, refused, show
):
    update = await open_update()
    await solve(update)
    old = guest(update=update["id"], solve=1)
    await act(sam, "reopenUpdate", update)

    assert await refused(old, "rateUpdate", update) == [("NOT_SOLVED", ["input", "updateId"])]

    await solve(update)
    assert await refused(old, "rateUpdate", update) == [("CONFLICT", ["input", "updateId"])]
    payload = await act(old, "rateUpdate", update, stars=5)
    assert "superseded" in payload["errors"][0]["message"]
    assert (await show(old, update))["viewerCan"] == {
        "reply": False,
        "rate": False,
        "reportStillHasIssue": True,
        "solve": False,
        "reopen": False,
    }

    await act(guest(update=update["id"], solve=2), "rateUpdate", update, stars=2)
    assert await refused(old, "rateUpdate", update) == [("ALREADY_RATED", ["input", "updateId"])]


# Opening an update.

OPEN = {"order": {"externalId": "ORDER-1"}, "title": "Hello"}


async def test_nobody_and_strangers_open_nothing(
    feed, nobody, carl, omar, nina, shop, guest, open_update, stored
):
    other = await open_update("ORDER-2")
    await feed("ORDER-1")
    before = await stored()

    for person, code in (
        (nobody, "UNAUTHENTICATED"),
        (carl, "NOT_FOUND"),
        (omar, "NOT_FOUND"),
        (guest(update=other["id"]), "NOT_FOUND"),
        (nina, "FORBIDDEN"),
        (shop, "FORBIDDEN"),
    ):
        payload = await person.do("openUpdate", "orderUpdate { id }", **OPEN)
        assert codes(payload) == [(code, ["input", "order"])]
    assert await stored() == before


@pytest.mark.parametrize(
    ("actor", "input", "code", "field"),
    [
        ("maria", {"customerVisible": False}, "FORBIDDEN", "customerVisible"),
        ("maria", {"assignee": {"externalId": "SAM"}}, "FORBIDDEN", "assignee"),
        ("sam", {"assignee": {"externalId": "TED"}}, "NOT_FOUND", "assignee"),
        ("sam", {"title": " \u200b\t"}, "INVALID", "title"),
        ("sam", {"title": "x" * 201}, "INVALID", "title"),
        ("sam", {"message": "x" * 20_001}, "BODY_TOO_LONG", "message"),
        ("sam", {"order": {"externalId": "NONE"}}, "NOT_FOUND", "order"),
    ],
)
async def test_an_update_that_cannot_be_is_not_opened(
    actor, input, code, field, feed, stored, request
):
    person = request.getfixturevalue(actor)
    await feed("ORDER-1")
    before = await stored()

    payload = await person.do("openUpdate", "orderUpdate { id }", **(OPEN | input))

    assert codes(payload) == [(code, ["input", field])]
    assert await stored() == before


async def test_somebody_who_never_acted_cannot_be_assigned(open_update, sam, ada, act, refused):
    update = await open_update()
    assert await refused(sam, "assignUpdate", update, assignee={"externalId": "ADA"}) == [
        ("NOT_FOUND", ["input", "assignee"])
    ]

    await act(ada, "postNote", update, body="Hello.", internal=True)
    payload = await act(sam, "assignUpdate", update, assignee={"externalId": "ADA"})
    assert payload["orderUpdate"]["assignee"] == {"externalId": "ADA", "displayName": "Ada"}


async def test_the_same_assignee_again_changes_nothing(open_update, sam, act, stored):
    update = await open_update(assignee={"externalId": "SAM"})
    before = await stored()

    await act(sam, "assignUpdate", update, assignee={"externalId": "SAM"})

    assert await stored() == before


async def test_a_token_without_a_name_shows_no_address(feed, person, act, open_update):
    update = await open_update()
    nameless = person("staff", "sam@shop.example", name="sam@shop.example", email="s@shop.example")

    payload = await act(nameless, "postNote", update, body="Hello.")

    assert payload["orderUpdate"]["notes"]["nodes"][0]["author"] == {
        "displayName": "Team",
        "isCustomer": False,
    }


async def test_what_a_token_does_not_say_of_the_team_stays_known(person, act, open_update, sam):
    update = await open_update()
    await act(person("staff", "SAM", email="sam@shop.example"), "assignUpdate", update)

    payload = await act(
        person("staff", "SAM"), "assignUpdate", update, assignee={"externalId": "SAM"}
    )

    assert payload["orderUpdate"]["assignee"] == {"externalId": "SAM", "displayName": "Sam"}
    member = await TeamMember.get(external_id="SAM")
    assert (member.display_name, member.email) == ("Sam", "sam@shop.example")


async def test_text_of_nothing_visible_is_no_note(feed, sam, maria, act, solve):
    await feed("ORDER-1")
    notes = "orderUpdate { id notes { totalCount } }"
    payload = await sam.do("openUpdate", notes, **OPEN, message=" \u200b\u202e ")
    update = payload["orderUpdate"]
    await solve(update)

    payload = await act(maria, "reportStillHasIssue", update, note="\u200d")

    assert payload["orderUpdate"]["notes"]["totalCount"] == 0


async def test_titles_and_texts_are_stored_without_what_nobody_sees(feed, maria, show):
    await feed("ORDER-1")
    payload = await maria.do(
        "openUpdate",
        "orderUpdate { id title notes { nodes { body } } }",
        order={"externalId": "ORDER-1"},
        title=" Where\r\nis\u202e it?\x00 ",
        message="<b>Hi</b>\x00\r\n{{ 7*7 }}",
    )

    assert payload["orderUpdate"]["title"] == "Where is it?"
    assert payload["orderUpdate"]["notes"]["nodes"] == [{"body": "<b>Hi</b>\n{{ 7*7 }}"}]


async def test_the_credit_belongs_to_the_assignee_at_the_moment_of_solving(
    open_update, solve, sam, ada, maria, act
):
    update = await open_update(assignee={"externalId": "SAM"})
    await solve(update, by=ada)
    await act(ada, "assignUpdate", update, assignee={"externalId": "ADA"})
    await act(ada, "assignUpdate", update)

    payload = await act(maria, "rateUpdate", update, stars=5)

    assert payload["orderUpdate"]["rating"]["creditedTo"] == {"externalId": "SAM"}
    assert payload["orderUpdate"]["assignee"] is None


async def test_solving_again_credits_the_new_assignee_or_who_solved(
    open_update, solve, sam, ada, maria, act
):
    update = await open_update(assignee={"externalId": "SAM"})
    await solve(update)
    await act(ada, "reopenUpdate", update)
    await act(ada, "assignUpdate", update)
    await solve(update, by=ada)

    payload = await act(maria, "rateUpdate", update, stars=5)

    assert payload["orderUpdate"]["rating"]["creditedTo"] == {"externalId": "ADA"}


# The settings that mails of updates use.


@pytest.mark.parametrize(
    "input",
    [
        {"promoterShareUrl": "javascript:alert(1)"},
        {"promoterShareUrl": "ftp://shop.example"},
        {"promoterShareUrl": "shop.example"},
        {"promoterShareText": "Buy at {site_name} {password}"},
        {"promoterShareText": " "},
        {"promoterShareText": "x" * 1001},
        {"followUpDelayMinutes": -1},
        {"followUpDelayMinutes": 10_081},
        {"updateUrlTemplate": "https://shop.example/rate"},
        {"updateUrlTemplate": "https://shop.example/{token}/{service_id}"},
        {"updateUrlTemplate": "javascript:{token}"},
        {"ratingsEnabled": None},
        {"shareAudience": None},
    ],
)
async def test_settings_of_ratings_are_checked(input, ada, stored):
    before = await stored()

    payload = await ada.do("updateSettings", "settings { siteName }", **input)

    assert payload["settings"] is None
    assert [(e["code"], e["field"]) for e in payload["errors"]] == [
        ("INVALID", ["input", next(iter(input))])
    ]
    assert await stored() == before

"""`viewerCan` in every state of an update for every viewer, as a table."""

import pytest

LETTERS = {
    "r": "reply",
    "R": "rate",
    "i": "reportStillHasIssue",
    "s": "solve",
    "o": "reopen",
}
ABSENT = None
VIEWERS = (
    "nobody",
    "maria",  # the customer
    "by_order",  # a link to the order
    "by_update",  # a link to the update, of its first solve
    "carl",  # another customer
    "nina",  # the vendor
    "omar",  # another vendor
    "sam",
    "ada",
    "shop",  # a key
)
# One letter for each visible button; ABSENT: the viewer may not see the update.
TABLE = {
    # state                     nobody  maria  order  update carl    nina    omar   sam   ada   shop
    "open":                    (ABSENT, "r",   "r",   "r",   ABSENT, "",     ABSENT, "rs", "rs", ABSENT),
    "solved":                  (ABSENT, "Ri",  "Ri",  "Ri",  ABSENT, "",     ABSENT, "ro", "ro", ABSENT),
    "solved, ratings off":     (ABSENT, "i",   "i",   "i",   ABSENT, "",     ABSENT, "ro", "ro", ABSENT),
    "solved, vendors blind":   (ABSENT, "Ri",  "Ri",  "Ri",  ABSENT, ABSENT, ABSENT, "ro", "ro", ABSENT),
    "reopened":                (ABSENT, "r",   "r",   "r",   ABSENT, "",     ABSENT, "rs", "rs", ABSENT),
    "still has issue":         (ABSENT, "r",   "r",   "r",   ABSENT, "",     ABSENT, "rs", "rs", ABSENT),
    "solved again":            (ABSENT, "Ri",  "Ri",  "i",   ABSENT, "",     ABSENT, "ro", "ro", ABSENT),
    "closed":                  (ABSENT, "",    "",    "",    ABSENT, "",     ABSENT, "",   "",   ABSENT),
    "closed, ratings off":     (ABSENT, "",    "",    "",    ABSENT, "",     ABSENT, "",   "",   ABSENT),
    "internal":                (ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, "rs", "rs", ABSENT),
    "internal, solved":        (ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, "ro", "ro", ABSENT),
}  # fmt: skip


@pytest.fixture
def in_state(open_update, solve, act, maria, sam, ada):
    """An update in the state of the table."""

    async def make(state: str):
        await ada.do("updateSettings", ratingsEnabled=True, vendorsSeeUpdates=True)
        update = await open_update(customerVisible="internal" not in state)
        if state in {"open", "internal"}:
            return update
        await solve(update)
        if state in {"reopened", "solved again"}:
            await act(sam, "reopenUpdate", update)
        if state == "still has issue":
            await act(maria, "reportStillHasIssue", update)
        if state == "solved again":
            await solve(update)
        if state.startswith("closed"):
            await act(maria, "rateUpdate", update, stars=5)
        if "ratings off" in state:
            await ada.do("updateSettings", ratingsEnabled=False)
        if "vendors blind" in state:
            await ada.do("updateSettings", vendorsSeeUpdates=False)
        return update

    return make


@pytest.mark.parametrize("state", TABLE)
async def test_each_viewer_is_shown_the_buttons_of_the_table(
    state, in_state, feed, guest, request, show
):
    update = await in_state(state)
    order = (await feed("ORDER-1"))["order"]["id"]
    guests = {"by_order": guest(order=order), "by_update": guest(update=update["id"], solve=1)}

    buttons = {}
    for name in VIEWERS:
        person = guests.get(name) or request.getfixturevalue(name)
        view = await show(person, update)
        buttons[name] = ABSENT if view is None else {k for k, on in view["viewerCan"].items() if on}

    assert buttons == {
        name: ABSENT if letters is ABSENT else {LETTERS[letter] for letter in letters}
        for name, letters in zip(VIEWERS, TABLE[state], strict=True)
    }


INPUTS = {
    "reply": ("postNote", {"body": "Hello."}),
    "rate": ("rateUpdate", {"stars": 5}),
    "reportStillHasIssue": ("reportStillHasIssue", {}),
    "solve": ("solveUpdate", {}),
    "reopen": ("reopenUpdate", {}),
}


@pytest.mark.parametrize("state", TABLE)
async def test_each_button_does_what_it_promises_and_the_others_are_refused(
    state, in_state, request, show, act
):
    for name in ("maria", "sam"):
        person = request.getfixturevalue(name)
        for button, (mutation, input) in INPUTS.items():
            update = await in_state(state)
            view = await show(person, update)
            buttons = view is not None and view["viewerCan"][button]
            notice = update["customerVisible"] or None
            given = input | ({"notifyCustomer": notice} if button == "solve" else {})

            payload = await act(person, mutation, update, **given)

            assert (name, button, payload["errors"] == []) == (name, button, buttons)

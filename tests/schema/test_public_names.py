"""The public names of people, everywhere they appear."""

import pytest

from models import TeamMember

NAMES = {
    "Souza, Maria": "Maria S.",
    "山田 太郎": "Customer",
    "Maria 👩\u200d💻": "Maria",
    "O'Brien \u200b": "O'Brien",
    "Dr. Maria Souza": "Maria S.",
    "Maria Souza Jr.": "Maria S.",
    "[deleted]": "Customer",
    "4711": "Customer",
    "Maria (maria@example.com)": "Maria",
}
REVIEWS = "{ reviews(first: 20) { nodes { author { displayName } } } }"
SLOWLY = "{ reviews(first: 20) { nodes { viewerHasVoted author { displayName } } } }"


@pytest.mark.parametrize("query", [REVIEWS, SLOWLY])
async def test_every_way_to_an_author_shows_the_public_name(query, feed, nobody, person):
    for number, name in enumerate(NAMES):
        customer = {"externalId": f"C{number}", "displayName": name}
        await feed(f"ORDER-{number}", customer=customer)
        payload = await person("customer", f"C{number}").do(
            "createReview",
            "review { author { displayName } }",
            order={"externalId": f"ORDER-{number}"},
            rating=5,
            body="Very good work, on time.",
        )
        assert payload["review"]["author"] == {"displayName": NAMES[name]}

    rows = (await nobody.ask(query))["reviews"]["nodes"]

    assert [node["author"]["displayName"] for node in rows] == list(reversed(NAMES.values()))


@pytest.mark.parametrize("name", NAMES)
async def test_a_customers_note_shows_the_public_name(
    name, open_update, feed, maria, sam, act, show
):
    update = await open_update()
    await feed("ORDER-1", customer={"externalId": "MARIA", "displayName": name})
    await act(maria, "postNote", update, body="Still waiting.")

    [note] = (await show(sam, update))["notes"]["nodes"]

    assert note["author"] == {"displayName": NAMES[name], "isCustomer": True}


@pytest.mark.parametrize("role", ["staff", "admin"])
async def test_an_address_in_a_token_is_no_team_members_name(
    role, open_update, person, maria, act, show
):
    update = await open_update()
    member = person(role, "SUE", name="Sue sue@nordlicht.example", email="sue@nordlicht.example")
    await act(member, "postNote", update, body="We are looking.")
    await member.do("assignUpdate", updateId=update["id"], assignee={"externalId": "SUE"})

    view = await show(maria, update)

    assert view["notes"]["nodes"][-1]["author"]["displayName"] == "SUE"
    assert view["assignee"]["displayName"] == "SUE"
    assert (await TeamMember.get(external_id="SUE")).email == "sue@nordlicht.example"

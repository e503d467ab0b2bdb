"""Members of the team: known by their tokens."""

import pytest

from models import TeamMember, TeamRole, clock
from resolvers import team_members


@pytest.fixture
def acted(open_update):
    """Let somebody of the team act, by posting a note under a new update."""

    async def act(someone):
        update = await open_update(by=someone)
        payload = await someone.do("postNote", updateId=update["id"], body="On it.")
        assert payload["errors"] == []

    return act


async def test_who_acts_is_stored_as_active_with_the_role_of_the_token(acted, sam, ada):
    await acted(sam)
    await acted(ada)

    rows = await TeamMember.all().order_by("external_id")

    assert [(row.external_id, row.role, row.is_active) for row in rows] == [
        ("ADA", "ADMIN", True),
        ("SAM", "STAFF", True),
    ]


async def test_a_token_with_another_role_is_the_newest_word_once_its_bearer_acts(
    acted, person, sam, stored
):
    await acted(sam)
    promoted = person("admin", "SAM")
    before = await stored()
    await promoted.ask("{ orderUpdates { nodes { id } } settings { adminEmail } }")
    assert await stored() == before

    await acted(promoted)

    [row] = await TeamMember.all()
    assert (row.role, row.display_name) == ("ADMIN", "Sam")


async def test_a_role_of_a_newer_version_is_shown_as_staff_and_breaks_no_update(
    acted, open_update, sam, ada, app
):
    await acted(sam)
    update = await open_update("ORDER-2", by=sam, assignee={"externalId": "SAM"})
    await TeamMember.all().update(role="OWNER")

    shown = await ada.ask("{ orderUpdates { nodes { id assignee { externalId } } } }")

    assert {"id": update["id"], "assignee": {"externalId": "SAM"}} in shown["orderUpdates"]["nodes"]
    assert (await TeamMember.get()).team_role is TeamRole.STAFF


async def test_mails_go_to_active_members_by_role(app):
    for name, role in (("A", "ADMIN"), ("M", "MODERATOR"), ("S", "STAFF"), ("GONE", "ADMIN")):
        await TeamMember.create(
            external_id=name,
            display_name=name,
            email=f"{name.lower()}@example.com",
            locale="de",
            role=role,
            deactivated_at=clock.now() if name == "GONE" else None,
            created_at=clock.now(),
        )

    deciding = await team_members.active_members(TeamRole.MODERATOR, TeamRole.ADMIN)
    staff = await team_members.active_members(TeamRole.STAFF)

    assert [(each.external_id, each.email, each.locale) for each in deciding] == [
        ("A", "a@example.com", "de"),
        ("M", "m@example.com", "de"),
    ]
    assert [each.external_id for each in staff] == ["S"]

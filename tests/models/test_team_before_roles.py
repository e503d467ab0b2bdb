"""The migration that gives stored members of the team a role, and the name they are listed by."""

import asyncio
import uuid

from tortoise.context import TortoiseContext
from tortoise.migrations.api.migrate import migrate as run_migrations

from models import TeamMember, TeamRole, sql
from models.database import configuration, opened
from models.migrating import migrate

BEFORE = "0008_marks_of_inboxes"


async def _store_as_before(url):
    async with TortoiseContext():
        await run_migrations(config=configuration(url), target=f"models.{BEFORE}")
    async with opened(url):
        await sql.execute(
            "INSERT INTO team_member (id, external_id, display_name, created_at)"
            " VALUES (?, 'TEAM-1', 'Ödön Straße', '2026-01-01 00:00:00+00:00')",
            uuid.uuid4(),
        )


def test_stored_members_are_active_staff(empty_database):
    asyncio.run(_store_as_before(empty_database))

    asyncio.run(migrate(empty_database))

    asyncio.run(_check(empty_database))


async def _check(url):
    async with opened(url):
        [member] = await TeamMember.all()
    assert (member.team_role, member.is_active) == (TeamRole.STAFF, True)
    assert member.name_folded == "ödön strasse\nteam-1"

"""`candor make-migration`, in a copy of the packages with changed models."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from models import Vendor, sql
from models.database import opened

ROOT = Path(__file__).parents[2]
PACKAGES = ("candor", "schema", "resolvers", "mailers", "models")
COLUMN = "    nickname: str | None = fields.CharField(max_length=80, null=True)\n"
TABLE = '''"""Badges of vendors."""

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model


class Badge(Model):
    id = fields.UUIDField(primary_key=True)
    stars = fields.SmallIntField()

    class Meta:
        table = "badge"
        constraints = (CheckConstraint(check="stars > 0", name="ck_badge_stars"),)
'''


class Clone:
    """A copy of the packages that can be changed and run."""

    def __init__(self, folder, database):
        self.folder, self.database = folder, database

    def replace(self, path, old, new):
        file = self.folder / path
        text = file.read_text()
        assert text.count(old) == 1
        file.write_text(text.replace(old, new))

    def migrations(self):
        return sorted(path.name for path in (self.folder / "models/migrations").glob("0*.py"))

    def run(self, *arguments, **variables):
        """Run `candor`: exit code, stdout and stderr."""
        done = subprocess.run(
            [sys.executable, "-c", "from candor.commands.main import main; main()", *arguments],
            cwd=self.folder,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(self.folder),
                "CANDOR_DATABASE_URL": self.database,
                "CANDOR_SECRET": "a secret of the tests, long enough to sign with",
                **variables,
            },
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout.strip(), done.stderr.strip()


@pytest.fixture
def copied(tmp_path):
    """Make a clone that uses this database."""

    def copy(database):
        for package in PACKAGES:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / package, tmp_path / "clone" / package, ignore=ignored)
        shutil.copy(ROOT / "pyproject.toml", tmp_path / "clone")
        return Clone(tmp_path / "clone", database)

    return copy


@pytest.fixture
def clone(copied):
    """A clone with an unreachable database."""
    return copied("postgres://nobody@127.0.0.1:1/nothing")


VENDOR = "    created_at: datetime = fields.DatetimeField()\n"


async def test_a_changed_model_becomes_a_migration_that_keeps_rows_indexes_and_constraints(
    copied, database
):
    async with opened(database):
        await Vendor.create(external_id="V", display_name="V", created_at="2026-01-01T00:00:00Z")
        before = await _indexes()
    clone = copied(database)
    clone.replace("models/vendor.py", VENDOR, VENDOR + COLUMN)
    clone.replace("models/vendor.py", '        table = "vendor"\n', '        table = "vendor"\n        constraints = (CheckConstraint(check="nickname <> \'\'", name="ck_vendor_nickname"),)\n')  # fmt: skip
    clone.replace("models/vendor.py", "from tortoise import fields\n", "from tortoise import fields\nfrom tortoise.migrations.constraints import CheckConstraint\n")  # fmt: skip
    (clone.folder / "models/badge.py").write_text(TABLE)
    clone.replace("models/__init__.py", "from models.customer", "from models.badge import Badge\nfrom models.customer")  # fmt: skip
    clone.replace("models/__init__.py", '    "Customer",\n', '    "Badge",\n    "Customer",\n')

    code, said, _ = clone.run("make-migration", "a vendor's nickname")
    migrated = clone.run("migrate")[0]

    [new] = [
        name for name in clone.migrations() if not (ROOT / "models/migrations" / name).exists()
    ]
    text = (clone.folder / "models/migrations" / new).read_text()
    assert (code, migrated) == (0, 0)
    assert f"Written: models/migrations/{new}" in said
    assert new.endswith("_a_vendor_s_nickname.py")
    assert text.startswith('"""A vendor\'s nickname."""\n')
    assert "Add constraint to Badge: ck_badge_stars" in said.splitlines()
    async with opened(database):
        [vendor] = await sql.fetch("SELECT external_id, nickname FROM vendor")
        assert vendor == {"external_id": "V", "nickname": None}
        assert await _indexes() >= before
        for statement in (
            "UPDATE vendor SET nickname = ''",
            "INSERT INTO badge (id, stars) VALUES ('0192f000-0000-7000-8000-000000000000', 0)",
        ):
            with pytest.raises(Exception, match=r"(?i)constraint"):
                await sql.execute(statement)
    assert clone.run("make-migration", "once more")[1].startswith("The models have not changed")


async def _indexes():
    query = "SELECT indexname AS n FROM pg_indexes" if sql.is_postgres() else "SELECT name AS n FROM sqlite_master WHERE type = 'index' AND name NOT LIKE 'sqlite%'"  # fmt: skip
    return {row["n"] for row in await sql.fetch(query)}


def test_models_that_have_not_changed_make_no_migration(clone):
    before = clone.migrations()

    code, said, _ = clone.run("make-migration", "nothing")

    assert (code, said) == (0, "The models have not changed since the last migration.")
    assert clone.migrations() == before


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("CharField(max_length=80)", "Vendor.nickname: existing rows have no value"),
        ("CharField(max_length=80, null=True, unique=True)", "Vendor.nickname: declare its uniq"),
        (
            "CharField(max_length=80, null=True, db_index=True)",
            "Vendor.nickname: declare its index",
        ),
    ],
)
def test_a_column_that_could_not_be_added_to_a_full_table_is_refused(clone, field, message):
    clone.replace("models/vendor.py", VENDOR, f"{VENDOR}    nickname = fields.{field}\n")
    before = clone.migrations()

    code, said, complaint = clone.run("make-migration", "a nickname")

    assert (code, said) == (1, "")
    assert message in complaint
    assert clone.migrations() == before


def test_an_index_of_the_model_is_refused_because_sqlite_would_lose_it(clone):
    clone.replace("models/vendor.py", '        table = "vendor"\n', '        table = "vendor"\n        indexes = (("created_at",),)\n')  # fmt: skip
    before = clone.migrations()

    code, _, complaint = clone.run("make-migration", "an index")

    assert code == 1
    assert "Vendor: declare its indexes in models/indexes.py" in complaint
    assert clone.migrations() == before


@pytest.mark.parametrize("about", ["", " ", "x" * 61, '"""', "a\\b", "☃"])
def test_a_migration_that_cannot_be_named_is_refused(clone, about):
    clone.replace("models/vendor.py", VENDOR, VENDOR + COLUMN)
    before = clone.migrations()

    assert clone.run("make-migration", about)[0] == 2
    assert clone.migrations() == before


def test_migrations_are_made_in_development_and_in_a_clone_only(clone):
    clone.replace("models/vendor.py", VENDOR, VENDOR + COLUMN)
    before = clone.migrations()

    in_production = clone.run("make-migration", "a nickname", CANDOR_ENV="production")
    (clone.folder / "pyproject.toml").unlink()
    installed = clone.run("make-migration", "a nickname")

    assert (in_production[0], installed[0]) == (1, 1)
    assert "in development" in in_production[2]
    assert "in a clone" in installed[2]
    assert clone.migrations() == before

"""`candor settings`: the operator reads and changes the site's settings."""

import asyncio
import json
import shlex

import pytest
from click.testing import CliRunner

from candor.commands.main import main
from models import TrackingEvent
from models.database import opened

SECRET = "a secret of the tests, long enough to sign with"
LEVELS = (
    '[{"level": "LEVEL_1", "minAverage": 4.0, "minReviews": 10},'
    ' {"level": "LEVEL_2", "minAverage": 4.25, "minReviews": 50},'
    ' {"level": "TOP_SELLER", "minAverage": 4.8, "minReviews": 100}]'
)


@pytest.fixture
def candor(database, monkeypatch, tmp_path):
    """Run `candor settings`: exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CANDOR_DATABASE_URL", database)
    monkeypatch.setenv("CANDOR_SECRET", SECRET)

    def run(*arguments):
        done = CliRunner().invoke(main, ["settings", *arguments])
        assert done.exception is None or isinstance(done.exception, SystemExit)
        return done.exit_code, done.stdout.rstrip("\n"), done.stderr

    return run


@pytest.fixture
def log(database):
    """The changed settings in the tracking log with their actors, oldest first."""

    async def read():
        async with opened(database):
            rows = await TrackingEvent.all().order_by("at", "id")
            return [(row.kind, row.actor_role, row.actor, row.details) for row in rows]

    return lambda: asyncio.run(read())


def test_a_new_site_gets_its_name_address_and_mail_in_one_step(candor, log):
    changed = candor(
        "set", "siteName=Nordlicht & Söhne", "siteUrl=https://straße.example", "adminEmail=ada@example.com",
        "reviewWindowDays=60", "reviewModeration=true", "shareAudience=EVERYONE", f"sellerLevels={LEVELS}",
    )  # fmt: skip

    assert changed[0] == 0, changed
    assert "siteUrl=https://xn--strae-oqa.example" in changed[1].splitlines()
    assert candor("get", "siteName") == (0, "Nordlicht & Söhne", "")
    assert candor("get", "reviewWindowDays") == (0, "60", "")
    assert candor("get", "reviewModeration") == (0, "true", "")
    assert json.loads(candor("get", "sellerLevels")[1])[1]["minAverage"] == 4.25
    [(kind, role, actor, details)] = log()
    assert (kind, role, actor) == ("settings.changed", "ADMIN", "command line")
    assert len(details["names"]) == 7


def test_what_is_listed_can_be_set_again(candor):
    text = 'promoterShareText=It\'s "fine" at {site_name}:\nlook, $HOME'
    assert candor("set", text, "adminEmail=ada@example.com")[0] == 0

    listed = candor("list")
    again = candor("set", *shlex.split(listed[1]))

    assert listed[0] == 0
    assert again == listed
    assert candor() == listed
    assert candor("get", "promoterShareText")[1] == text.partition("=")[2]


def test_a_value_is_taken_back_by_nothing(candor):
    assert candor("set", "adminEmail=ada@example.com")[0] == 0

    assert candor("set", "adminEmail=") == (0, "adminEmail=''", "")
    assert candor("get", "adminEmail")[1] == ""


def test_all_mistakes_are_told_and_nothing_is_changed(candor, log):
    before = candor("list")

    code, said, complained = candor(
        "set", "siteName=Shop", "siteUrl=shop.example", "adminEmail=nobody", "reviewWindowDays=ever",
        "reviewModeration=null", "shareAudience=ALL", "sellerLevels=[]",
    )  # fmt: skip

    assert (code, said) == (1, "")
    for name in ("siteUrl", "adminEmail", "reviewWindowDays", "reviewModeration", "shareAudience"):
        assert f"{name}: " in complained
    assert "sellerLevels: Give a rule for" in complained
    assert "siteName" not in complained
    assert candor("list") == before
    assert log() == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["set", "siteNam=Shop"], "The nearest is siteName."),
        (["set", "site_name=Shop"], "The nearest is siteName."),
        (["get", "reviewWindow"], "The nearest is reviewWindowDays."),
        (["set", "siteName"], "is not of the form NAME=VALUE"),
        (["set", "siteName=A", "siteName=B"], "siteName is given twice."),
        (["set"], "Missing argument"),
    ],
)
def test_what_cannot_be_meant_is_told_before_anything_is_asked(candor, log, arguments, complaint):
    code, said, complained = candor(*arguments)

    assert (code, said) == (2, "")
    assert complaint in complained
    assert log() == []

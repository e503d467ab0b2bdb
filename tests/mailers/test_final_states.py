"""Mails are cancelled by current settings only; the last error begins with the server's code."""

import copy

import pytest

from mailers import SWITCHED_OFF
from mailers.letters.registry import MAILERS
from mailers.mail import Mail, Person
from models import OutboxMail, SiteSettings
from resolvers.viewer import Role, Viewer
from schema.api import schema
from schema.context import Context
from tests.mailers.working import end_of, working

LAST_ERRORS = "{ mailDeliveries { nodes { status lastError failures { error } } } }"


@pytest.fixture(autouse=True)
def mailers(monkeypatch):
    """A mail to any address."""

    async def write(_site, _subject_id, *, address, **_params):
        return Mail(Person("", address), "en", "Hello", "Hello.\n", "<p>Hello.</p>")

    monkeypatch.setitem(MAILERS, "review.reminder", write)


async def test_a_setting_that_was_switched_on_takes_effect_at_once(
    promise, inbox, serve, config_for, monkeypatch
):
    monkeypatch.setattr("mailers.worker.worker._SETTINGS_LAST", 3600.0)
    await SiteSettings.create(key="site", mail_switches={"review.reminder": False})

    async with working(config_for(await serve(inbox))) as worker:
        off = await end_of(
            await promise("review.reminder", to="a@x.example", address="a@x.example")
        )
        await SiteSettings.filter(key="site").update(mail_switches={})
        on = await promise("review.reminder", to="b@x.example", address="b@x.example")
        worker.wake()
        await end_of(on)

    assert (off.status, off.reason) == ("CANCELLED", SWITCHED_OFF)
    assert (on.status, on.reason) == ("SENT", None)
    assert inbox.got("b@x.example") == 1


async def _last_errors():
    admin = Context(Viewer(Role.ADMIN, external_id="ADA"))
    result = await schema.execute(LAST_ERRORS, context_value=admin)
    assert not result.errors
    return [
        (each["status"], each["lastError"], [failure["error"] for failure in each["failures"]])
        for each in result.data["mailDeliveries"]["nodes"]
    ]


@pytest.mark.parametrize(
    ("plan", "status", "expected"),
    [
        ("550 5.7.1 no", "DEAD", "550 5.7.1 no"),
        (["450 4.2.1 busy", None], "SENT", "450 4.2.1 busy"),
        (["450 4.2.1 busy", "550 5.7.1 no"], "DEAD", "550 5.7.1 no"),
        (None, "SENT", None),
    ],
)
async def test_the_last_error_begins_with_the_servers_code(
    promise, inbox, serve, config_for, plan, status, expected
):
    inbox.plan["a@x.example"] = copy.copy(plan)  # the inbox pops its entries
    row = await promise("review.reminder", to="a@x.example", address="a@x.example")

    async with working(config_for(await serve(inbox))):
        await end_of(row)

    [(final_status, error, failures)] = await _last_errors()
    assert (final_status, error) == (status, expected)
    assert failures[-1:] == [expected][: len(failures)]


async def test_an_error_without_a_code_has_no_prefix(promise):
    row = await promise("review.reminder", to="a@x.example", address="a@x.example")
    await OutboxMail.filter(id=row.id).update(last_error="connection lost", last_code=None)

    assert await _last_errors() == [("SCHEDULED", "connection lost", [])]

"""Settings: each is validated, only given ones change, and only admins read secret ones."""

from dataclasses import fields

import pytest
from strawberry.utils.str_converters import to_camel_case
from tortoise.fields import BooleanField
from tortoise.fields.data import CharEnumFieldInstance

from models import SiteSettings, TrackingEvent
from models.site_settings import SWITCHES
from resolvers import site_settings
from schema.settings import Settings, UpdateSettingsInput

FIELDS = """siteName siteUrl timeZone adminEmail reviewWindowDays reviewEditDays reviewModeration helpfulVotesEnabled
  reviewReminderEnabled reviewReminderDays ratingsEnabled ratingCommentsEnabled ratingRequestEnabled
  followUpDelayMinutes shareAudience promoterShareUrl promoterShareText detractorAlertEnabled
  vendorsSeeUpdates reviewUrlTemplate updateUrlTemplate vendorReviewUrlTemplate
  teamReviewUrlTemplate teamUpdateUrlTemplate sellerLevels { level minAverage minReviews }"""
DEFAULTS = {
    "siteName": "Our marketplace",
    "siteUrl": "http://localhost:8000",
    "timeZone": "UTC",
    "adminEmail": None,
    "reviewWindowDays": 30,
    "reviewEditDays": 0,
    "reviewModeration": False,
    "helpfulVotesEnabled": True,
    "reviewReminderEnabled": True,
    "reviewReminderDays": 3,
    "ratingsEnabled": True,
    "ratingCommentsEnabled": True,
    "ratingRequestEnabled": False,
    "followUpDelayMinutes": 5,
    "shareAudience": "PROMOTERS",
    "promoterShareUrl": None,
    "promoterShareText": "I had a great experience with {site_name}!",
    "detractorAlertEnabled": True,
    "vendorsSeeUpdates": True,
    "reviewUrlTemplate": None,
    "updateUrlTemplate": None,
    "vendorReviewUrlTemplate": None,
    "teamReviewUrlTemplate": None,
    "teamUpdateUrlTemplate": None,
    "sellerLevels": [
        {"level": "LEVEL_1", "minAverage": 4.0, "minReviews": 10},
        {"level": "LEVEL_2", "minAverage": 4.5, "minReviews": 50},
        {"level": "TOP_SELLER", "minAverage": 4.8, "minReviews": 100},
    ],
}


def levels(*rules):
    return [{"level": n, "minAverage": a, "minReviews": r} for n, a, r in rules]


GOOD = {
    "siteName": ["Ø", "x" * 200],
    "siteUrl": ["https://shop.example/x?y=1"],
    "timeZone": ["Europe/Berlin", "America/Argentina/ComodRivadavia"],
    "adminEmail": ["a@example.com", None],
    "reviewWindowDays": [0, 1, 36_500],
    "reviewEditDays": [0, 1, 36_500],
    "reviewModeration": [True],
    "reviewReminderDays": [0, 365],
    "followUpDelayMinutes": [0, 10_080],
    "shareAudience": ["EVERYONE"],
    "promoterShareUrl": ["https://x.example/?t={site_name}", None],
    "promoterShareText": ["Look: {site_url}", "No token"],
    "reviewUrlTemplate": ["https://shop.example/r?t={token}&o={order_id}", None],
    "updateUrlTemplate": ["https://shop.example/u/{token}/{update_id}"],
    "vendorReviewUrlTemplate": ["https://desk.example/r/{review_id}?o={order_id}", None],
    "teamReviewUrlTemplate": ["https://desk.example/all"],
    "teamUpdateUrlTemplate": ["https://desk.example/{update_id}{order_id}{review_id}"],
    "sellerLevels": [
        levels(("LEVEL_1", 4.25, 1), ("LEVEL_2", 4.25, 1), ("TOP_SELLER", 5.0, 1)),
    ],
}
BAD = {
    "siteName": ["", "  ", "x" * 201, "\u200e", None],
    "siteUrl": ["", "shop.example", "ftp://x.example", "javascript:alert(1)", "http://", "http://a b", "https://x.example/\n", "http://x.example/" + "a" * 2000, None],
    "timeZone": ["", "Mars/Olympus", "../etc/passwd", "America", "Europe/Berlin\x00", "x" * 500, None],
    "adminEmail": ["x", "a@b", "a@b.cd, e@f.gh", "A <a@b.cd>", "a@b.cd\nBcc: x@y.zz"],
    "reviewWindowDays": [-1, 36_501, None],
    "reviewEditDays": [-1, 36_501, None],
    "reviewModeration": [None],
    "reviewReminderDays": [-1, 366, None],
    "followUpDelayMinutes": [-1, 10_081, None],
    "shareAudience": [None],
    "promoterShareUrl": ["javascript:alert(1)", "data:text/html,x", "x"],
    "promoterShareText": ["", " ", "x" * 1001, "{admin_email}", "{site_name} {}", None],
    "reviewUrlTemplate": ["https://shop.example/", "https://shop.example/{token}/{secret}", "javascript:{token}", "{token}"],
    "updateUrlTemplate": ["https://shop.example/{token}/{service_id}"],
    "vendorReviewUrlTemplate": ["javascript:alert(1)", "/reviews", "https://desk.example/{token}", "https://desk.example/{Review_id}"],
    "teamReviewUrlTemplate": ["javascript:{review_id}", "desk.example"],
    "teamUpdateUrlTemplate": ["https://desk.example/{}", "data:text/html,{update_id}"],
    "sellerLevels": [
        None,
        [],
        levels(("LEVEL_1", 4, 1)),
        levels(("LEVEL_2", 4, 1), ("LEVEL_1", 4, 1), ("TOP_SELLER", 4, 1)),
        levels(("NEW_SELLER", 4, 1), ("LEVEL_2", 4, 1), ("TOP_SELLER", 4, 1)),
        levels(("LEVEL_1", 4.5, 1), ("LEVEL_2", 4, 1), ("TOP_SELLER", 5, 1)),
        levels(("LEVEL_1", 4, 9), ("LEVEL_2", 4, 1), ("TOP_SELLER", 5, 1)),
        levels(("LEVEL_1", 4, 0), ("LEVEL_2", 4, 1), ("TOP_SELLER", 5, 1)),
        levels(("LEVEL_1", 0.99, 1), ("LEVEL_2", 4, 1), ("TOP_SELLER", 5, 1)),
        levels(("LEVEL_1", 4, 1), ("LEVEL_2", 4, 1), ("TOP_SELLER", 5.01, 1)),
        levels(("LEVEL_1", 4.256, 1), ("LEVEL_2", 4.5, 1), ("TOP_SELLER", 5, 1)),
    ],
}  # fmt: skip


def test_every_setting_can_be_read_and_changed_and_is_validated():
    columns = {n: f for n, f in SiteSettings._meta.fields_map.items() if n != "key"}
    free = {n for n, f in columns.items() if isinstance(f, BooleanField | CharEnumFieldInstance)}

    assert {each.name for each in fields(UpdateSettingsInput)} == columns.keys() | SWITCHES.keys()
    assert {each.name for each in fields(Settings)} == columns.keys() | SWITCHES.keys()
    # tests/resolvers/test_mail_switches.py has the others.
    tested = columns.keys() - {"mail_switches"} | SWITCHES.keys()
    assert {to_camel_case(name) for name in tested} == DEFAULTS.keys()
    assert site_settings._CHECKS.keys() == columns.keys() - free


async def test_everybody_can_read_the_defaults(nobody, ada):
    assert (await ada.ask(f"{{ settings {{ {FIELDS} }} }}"))["settings"] == DEFAULTS
    assert (await nobody.ask(f"{{ settings {{ {FIELDS} }} }}"))["settings"] == DEFAULTS


async def test_each_setting_accepts_good_values_and_no_other_setting_changes(ada, nobody):
    expected = dict(DEFAULTS)
    for name, values in GOOD.items():
        for value in values:
            payload = await ada.do("updateSettings", f"settings {{ {FIELDS} }}", **{name: value})
            expected[name] = value
            assert payload == {"settings": expected, "errors": []}
    hidden = (
        *("adminEmail", "promoterShareUrl", "reviewUrlTemplate", "updateUrlTemplate"),
        *("vendorReviewUrlTemplate", "teamReviewUrlTemplate", "teamUpdateUrlTemplate"),
    )
    shown = (await nobody.ask(f"{{ settings {{ {FIELDS} }} }}"))["settings"]
    assert shown == expected | dict.fromkeys(hidden)


async def test_each_setting_refuses_bad_values_with_its_path(ada, stored):
    before = await stored()

    for name, values in BAD.items():
        for value in values:
            payload = await ada.do("updateSettings", "settings { siteName }", **{name: value})
            assert payload["settings"] is None, (name, value)
            assert [(value, e["code"], e["field"]) for e in payload["errors"]] == [
                (value, "INVALID", ["input", name])
            ]

    assert await stored() == before


async def test_one_bad_setting_stops_the_whole_change(ada, stored):
    before = await stored()

    payload = await ada.do("updateSettings", siteName="Fine", timeZone="Mars/Olympus")

    assert [error["field"] for error in payload["errors"]] == [["input", "timeZone"]]
    assert await stored() == before


@pytest.mark.parametrize("who", ["maria", "nina", "sam", "shop", "nobody"])
async def test_secrets_are_null_for_all_but_admins(client, request, ada, maria, nina, sam, shop, nobody, who):  # fmt: skip
    secrets = {
        "adminEmail": "admin@example.com",
        "promoterShareUrl": "https://x.example/",
        "reviewUrlTemplate": "https://shop.example/{token}",
        "updateUrlTemplate": "https://shop.example/{token}",
    }
    await ada.do("updateSettings", **secrets)
    query = "{ settings { adminEmail promoterShareUrl reviewUrlTemplate updateUrlTemplate } }"
    person = {"maria": maria, "nina": nina, "sam": sam, "shop": shop, "nobody": nobody}[who]

    assert (await person.ask(query))["settings"] == dict.fromkeys(secrets)
    assert (await ada.ask(query))["settings"] == secrets


async def test_a_change_is_logged_with_the_names_and_not_the_values(ada):
    await ada.do("updateSettings", adminEmail="admin@example.com", reviewWindowDays=7)

    event = await TrackingEvent.get()
    assert (event.kind, event.actor) == ("settings.changed", "ADA")
    assert event.details == {"names": ["admin_email", "review_window_days"]}
    assert await SiteSettings.all().count() == 1


async def test_the_policy_tells_who_may_edit_what(ada, nobody):
    query = "{ reviewPolicy { edits } }"
    before = (await nobody.ask(query))["reviewPolicy"]["edits"]

    await ada.do("updateSettings", reviewEditDays=14, reviewModeration=True)

    after = (await nobody.ask(query))["reviewPolicy"]["edits"]
    assert "at any time, unless the order is disputed" in before
    assert "An edit is public at once, except that of a rejected review" in before
    assert "for 14 days after its publication" in after
    assert "the version before it stays public" in after
    assert "Admins can edit, which the review shows" in after


async def test_the_policy_reflects_the_current_settings(ada, nobody):
    query = "{ reviewPolicy { windowDays moderated moderation verification sharing minCharacters maxCharacters promoterMinStars } }"
    before = (await nobody.ask(query))["reviewPolicy"]

    await ada.do(
        "updateSettings", reviewWindowDays=0, reviewModeration=True, shareAudience="EVERYONE"
    )

    after = (await nobody.ask(query))["reviewPolicy"]
    assert (before["windowDays"], before["moderated"]) == (30, False)
    assert "for 30 days" in before["verification"]
    assert (after["windowDays"], after["moderated"]) == (0, True)
    assert "at any time" in after["verification"]
    assert after["moderation"].startswith("Every review waits for a moderator, whatever its stars")
    assert after["sharing"].startswith("Everybody")
    assert (after["minCharacters"], after["maxCharacters"], after["promoterMinStars"]) == (
        10,
        20_000,
        4,
    )

"""The site's settings, which its admins change: read, validate, store."""

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

import mailers
from models import SiteSettings, sql, token_text, web_address
from models.database import transaction
from models.email_address import normalised
from models.site_settings import COLUMNS, NULLABLE, PLACES, SWITCHES
from models.time_zone import time_zone
from resolvers import tracking_log, user_text
from resolvers.errors import Invalid
from resolvers.refusals import collect_refusals
from resolvers.viewer import Viewer

# Every kind of mail, by the name of its switch.
MAILS = tuple(mailers.CATALOGUE)
MAX_NAME, MAX_SHARE_TEXT = 200, 1_000
MAX_WINDOW_DAYS, MAX_REMINDER_DAYS, MAX_DELAY_MINUTES = 36_500, 365, 10_080


async def current() -> SiteSettings:
    """The current settings; the defaults until an admin changes one."""
    return await SiteSettings.get_or_none(key="site") or SiteSettings()


async def update_settings(viewer: Viewer, **changes: Any) -> SiteSettings:
    """Change the given settings. Keys are names of columns.

    Raises Unauthenticated, Forbidden, Invalid with each faulty field.
    """
    viewer.must_be_admin()
    with collect_refusals() as check:
        checked = {name: check(_checked, name, value) for name, value in changes.items()}
        switches = check(_switches, changes)
    async with transaction():
        await sql.execute(_INSERT_DEFAULTS, *_DEFAULTS.values())
        if checked:
            before = await _held()
            columns = {name: value for name, value in checked.items() if name in COLUMNS}
            columns["mail_switches"] = before.mail_switches | switches
            await SiteSettings.filter(key="site").update(**columns)
            await tracking_log.record(viewer, "settings.changed", names=sorted(checked))
            await _follow(before, await current())
    return await current()


async def _held() -> SiteSettings:
    """The stored settings, locked: a change of one switch must not undo that of another."""
    lock = " FOR UPDATE" if sql.is_postgres() else ""
    (stored,) = await sql.objects(
        SiteSettings,
        f"SELECT {sql.columns(SiteSettings, 's')} FROM site_settings s WHERE s.key = 'site'{lock}",
    )
    return stored


async def _follow(before: SiteSettings, after: SiteSettings) -> None:
    """Let promised mails follow the switches and the day of reminders."""
    if after.review_reminder_days != before.review_reminder_days:
        await mailers.move_reminders(after.review_reminder_days - before.review_reminder_days)
    changed = [kind for kind in mailers.CATALOGUE if after.sends(kind) != before.sends(kind)]
    await mailers.switch_off([kind for kind in changed if not after.sends(kind)])
    await mailers.switch_on([kind for kind in changed if after.sends(kind)])


def _switches(changes: dict[str, Any]) -> dict[str, bool]:
    """What the given settings say of single mails. Raises Invalid if they say two things of one."""
    switches = {SWITCHES[name]: changes[name] for name in SWITCHES if name in changes}
    for mail, is_on in changes.get("mail_switches") or []:
        if switches.setdefault(mail, is_on) != is_on:
            raise Invalid("mail_switches", message=f"{mail} is switched both on and off.")
    return switches


def _known_mails(name: str, switches: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
    seen = set()
    for place, (mail, _) in enumerate(switches):
        if mail in seen:
            raise Invalid(name, str(place), "mail", message=f"The switch of {mail} is given twice.")
        seen.add(mail)
        if mail not in mailers.CATALOGUE:
            like = get_close_matches(mail, mailers.CATALOGUE, 1)
            hint = f" Is it {like[0]}?" if like else ""
            message = f"There is no mail {user_text.line(mail)[:100]!r}.{hint}"
            raise Invalid(name, str(place), "mail", message=message)
    return switches


def _checked(name: str, value: Any) -> Any:
    if value is None and name not in NULLABLE:
        raise Invalid(name, message="This setting cannot be null.")
    return _CHECKS.get(name, _unchanged)(name, value)


def _unchanged(_name: str, value: Any) -> Any:
    return value


def _name(name: str, value: str) -> str:
    cleaned = user_text.line(value)
    if not 1 <= len(cleaned) <= MAX_NAME:
        raise Invalid(name, message=f"A name has 1 to {MAX_NAME} characters.")
    return cleaned


def _between(least: int, most: int) -> Callable[[str, int], int]:
    def check(name: str, value: int) -> int:
        if not least <= value <= most:
            raise Invalid(name, message=f"Give a whole number from {least:,} to {most:,}.")
        return value

    return check


def _time_zone(name: str, value: str) -> str:
    return _valid(name, value, time_zone)


def url(name: str, value: str) -> str:
    """An absolute http(s) URL, its host in A-labels. Raises Invalid."""
    return _valid(name, value, web_address.checked)


def _optional(check: Callable[[str, str], str]) -> Callable[[str, str | None], str | None]:
    return lambda name, value: check(name, value) if value else None


def _address(name: str, value: str) -> str:
    return _valid(name, value, normalised)


def _share_text(name: str, value: str) -> str:
    cleaned = _valid(name, user_text.plain(value), token_text.checked)
    if not 1 <= len(cleaned) <= MAX_SHARE_TEXT:
        raise Invalid(name, message=f"A share text has 1 to {MAX_SHARE_TEXT:,} characters.")
    return cleaned


def _share_url(name: str, value: str) -> str:
    example = {"site_url": "https://shop.example", "site_name": "shop"}
    url(name, token_text.filled(value, example))
    return _valid(name, value, lambda typed: token_text.checked(web_address.in_a_labels(typed)))


def _template(*known: str) -> Callable[[str, str], str]:
    return lambda name, value: _valid(
        name, value, lambda address: web_address.checked_template(address, set(known))
    )


def _place(name: str, value: str) -> str:
    return _valid(name, value, lambda address: web_address.checked_place(address, PLACES))


def _valid(name: str, value: str, checked: Callable[[str], str]) -> str:
    """The value as `checked` returns it. Raises Invalid for its ValueError."""
    try:
        return checked(value)
    except ValueError as error:
        raise Invalid(name, message=str(error)) from None


def _levels(name: str, rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if [rule["level"] for rule in rules] != ["LEVEL_1", "LEVEL_2", "TOP_SELLER"]:
        raise Invalid(
            name, message="Give a rule for LEVEL_1, LEVEL_2 and TOP_SELLER, in this order."
        )
    for lower, higher in zip([None, *rules], rules, strict=False):
        if higher["min_average"] != int(higher["min_average"]):
            raise Invalid(name, message="An average has two decimals at most.")
        if not 100 <= higher["min_average"] <= 500 or higher["min_reviews"] < 1:
            raise Invalid(name, message="A level asks for 1.00 to 5.00 stars and 1 review or more.")
        if lower and (
            lower["min_average"] > higher["min_average"]
            or lower["min_reviews"] > higher["min_reviews"]
        ):
            raise Invalid(name, message="A higher level cannot ask for less than a lower one.")
    return rules


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "site_name": _name,
    "site_url": url,
    "time_zone": _time_zone,
    "admin_email": _optional(_address),
    "review_window_days": _between(0, MAX_WINDOW_DAYS),
    "review_edit_days": _between(0, MAX_WINDOW_DAYS),
    "review_reminder_days": _between(0, MAX_REMINDER_DAYS),
    "follow_up_delay_minutes": _between(0, MAX_DELAY_MINUTES),
    "promoter_share_url": _optional(_share_url),
    "promoter_share_text": _share_text,
    "review_url_template": _optional(_template("order_id", "service_id")),
    "update_url_template": _optional(_template("order_id", "update_id")),
    "vendor_review_url_template": _optional(_place),
    "team_review_url_template": _optional(_place),
    "team_update_url_template": _optional(_place),
    "seller_levels": _levels,
    "mail_switches": _known_mails,
}

_DEFAULTS = {
    column: getattr(SiteSettings(), field)
    for field, column in SiteSettings._meta.fields_db_projection.items()
}
_INSERT_DEFAULTS = (
    f"INSERT INTO site_settings ({', '.join(_DEFAULTS)}) VALUES ({sql.places(list(_DEFAULTS))})"
    " ON CONFLICT DO NOTHING"
)

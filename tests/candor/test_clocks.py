"""Machines whose clocks differ: tokens of theirs are taken, and all servers agree on what is due."""

from datetime import UTC, datetime, timedelta

import jwt
import pytest

from models import Notification, clock
from tests.fixtures.application import SECRET
from tests.waiting import until

ROLE = "{ viewer { role } }"
INBOX = "{ viewer { unreadNotificationCount notifications { totalCount } } }"
BEHIND = timedelta(minutes=2)


class Behind(datetime):
    """A clock that is two minutes slow."""

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) - BEHIND


def _token(**claims):
    soon = datetime.now(UTC) + timedelta(minutes=5)
    payload = {"sub": "MARIA", "role": "customer", "exp": soon} | claims
    return jwt.encode(payload, SECRET, algorithm="HS256")


@pytest.mark.parametrize("ahead", [31, 120, 86_400, -86_400])
async def test_a_token_is_taken_whenever_it_was_issued(client, ahead):
    issued = int(datetime.now(UTC).timestamp()) + ahead
    headers = {"Authorization": f"Bearer {_token(iat=issued)}"}

    answer = await client.post("/graphql", json={"query": ROLE}, headers=headers)

    assert answer.json()["data"] == {"viewer": {"role": "CUSTOMER"}}


@pytest.mark.parametrize("wrong", [{"iat": "today"}, {"iat": None}, {"iat": []}])
async def test_but_it_says_so_in_a_number(client, wrong):
    headers = {"Authorization": f"Bearer {_token(**wrong)}"}

    answer = await client.post("/graphql", json={"query": ROLE}, headers=headers)

    assert answer.status_code == 401


@pytest.mark.parametrize("name", ["exp", "nbf"])
@pytest.mark.parametrize(("seconds", "status"), [(15, 200), (60, 401)])
async def test_its_time_is_the_clocks_with_half_a_minute_of_leeway(client, name, seconds, status):
    past_or_to_come = -seconds if name == "exp" else seconds
    moment = datetime.now(UTC) + timedelta(seconds=past_or_to_come)
    headers = {"Authorization": f"Bearer {_token(**{name: moment})}"}

    answer = await client.post("/graphql", json={"query": ROLE}, headers=headers)

    assert answer.status_code == status


@pytest.fixture
def slow(monkeypatch):
    """This machine's clock is slow, from before the application starts."""
    monkeypatch.setattr(clock, "datetime", Behind)
    monkeypatch.setattr(clock, "_ahead", timedelta(), raising=False)  # and put back afterwards


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
async def test_what_another_server_wrote_just_now_is_shown_by_one_whose_clock_is_slow(
    slow, app, nina
):
    await until(lambda: abs(clock.now() - datetime.now(UTC)) <= timedelta(seconds=1))
    written = datetime.now(UTC)
    notice = {"audience": "VENDOR", "recipient": "NINA", "kind": "review.received"}
    about = {"subject_type": "Review", "subject_id": "0" * 32, "event_key": "one"}
    await Notification.create(created_at=written, **notice, **about)

    shown = (await nina.ask(INBOX))["viewer"]

    assert shown == {"unreadNotificationCount": 1, "notifications": {"totalCount": 1}}


async def test_an_edit_is_never_older_than_what_it_changes(at, review, maria, ada):
    at(datetime.now(UTC) + timedelta(minutes=2))
    written = await review()
    at(datetime.now(UTC) - timedelta(minutes=2))

    edited = await maria.do(
        "editReview", "review { createdAt editedAt }", reviewId=written["id"], rating=1
    )
    again = await ada.do("editReview", "review { editedAt }", reviewId=written["id"], rating=2)

    assert edited["review"]["editedAt"] == edited["review"]["createdAt"]
    assert again["review"]["editedAt"] == edited["review"]["editedAt"]

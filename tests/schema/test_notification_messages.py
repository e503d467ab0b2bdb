"""A notice tells its event in a sentence, in the reader's language, also without its subject."""

from datetime import UTC, datetime

import pytest

from candor.languages import chosen
from mailers.catalogue import MESSAGES
from models import Notification
from models.uuid7 import uuid7
from resolvers.viewer import Role, Viewer
from tests.waiting import until, until_subscribed

QUERY = "{ viewer { notifications(first: 100) { nodes { kind message subject { id } } } } }"
HEARD = "subscription { notificationReceived { message } }"


@pytest.fixture
async def notices(app):
    """A notice of each kind for Maria; none has a subject that is still there."""
    for kind in MESSAGES:
        await Notification.create(
            audience="CUSTOMER",
            recipient="MARIA",
            kind=kind,
            event_key=kind,
            subject_type="Review",
            subject_id=uuid7(),
            created_at=datetime.now(UTC),
        )


async def asked(client, maria, **headers):
    answer = await client.post(
        "/graphql",
        json={"query": QUERY},
        headers={"Authorization": f"Bearer {maria.token}", **headers},
    )
    nodes = answer.json()["data"]["viewer"]["notifications"]["nodes"]
    assert {node["subject"] for node in nodes} == {None}
    return {node["kind"]: node["message"] for node in nodes}


async def test_every_kind_has_a_sentence_in_the_readers_language(client, maria, notices):
    english = await asked(client, maria)
    german = await asked(client, maria, **{"Accept-Language": "fr;q=0.9, de-AT, en;q=0.5"})
    other = await asked(client, maria, **{"Accept-Language": "fr, *"})

    assert (
        english
        == other
        == {kind.replace(".", "_").upper(): message for kind, message in MESSAGES.items()}
    )
    assert len(set(english.values())) == len(english)
    assert len(set(german.values())) == len(german)
    assert not {*english.values()} & {*german.values()}


async def test_subscribers_of_one_person_hear_each_in_their_language(hear, review, nina, maria):
    viewer = Viewer(Role.VENDOR, external_id="NINA", vendor="NINA")
    english, german = hear(viewer, HEARD), hear(viewer, HEARD, language="de")
    await until_subscribed("notification", 2)

    await review()

    await until(lambda: english and german)
    assert english == [{"notificationReceived": {"message": MESSAGES["review.received"]}}]
    told = german[0]["notificationReceived"]["message"]
    assert told == "Eine Ihrer Leistungen wurde bewertet."


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("de", "de"),
        ("en-GB,de;q=0.8", "en"),
        ("fr,de;q=0.1", "de"),
        ("de;q=0,en", "en"),
        ("de;q=x", "en"),
        (";;,,;q=1", "en"),
        ("x" * 5_000 + ",de", "en"),
    ],
)
def test_the_language_is_the_best_accepted_one_that_there_is(header, language):
    assert chosen(header) == language

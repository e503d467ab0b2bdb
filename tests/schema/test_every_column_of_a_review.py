"""Everything that the author of a review can write is stored, returned and compared everywhere.

The columns are those of `CreateReviewInput`, so that a new one is tested automatically.
"""

import csv
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest

from candor.imports.importing import Source, import_reviews
from mailers.configuration import MailConfig
from mailers.letters import review_mailer
from mailers.letters.signed_links import Claim, Purpose, sign
from mailers.letters.site import Site
from models import Order, Review, sql
from models.review import INSERTED, LATER, REVIEW_PUBLIC, WRITTEN
from resolvers import review_content
from resolvers.ref import Ref
from schema import ids
from tests.schema.field_walk import TYPES, facts, filled, same

_BESIDE = {"order", "idempotencyKey"}
NAMES = [name for name in TYPES["CreateReviewInput"].fields if name not in _BESIDE]
TEXTS = [name for name in NAMES if "String" in str(TYPES["CreateReviewInput"].fields[name].type)]
DAY = (datetime.now(UTC) - timedelta(days=1)).replace(microsecond=0)
EVERYTHING = facts(TYPES["Review"])


def written(turn=0):
    given = filled("CreateReviewInput", turn, order=None, idempotencyKey=None)
    return {name: given[name] for name in NAMES}


def texts(given):
    return [given[name] for name in TEXTS]


@pytest.fixture
async def only_review(app, ada):
    """The only review, as the admin sees it."""

    async def look():
        (review,) = (await ada.ask(f"{{ reviews {{ nodes {{ {EVERYTHING} }} }} }}"))["reviews"][
            "nodes"
        ]
        return review

    return look


@pytest.fixture
def review_link(settings):
    async def make():
        order = await Order.get()
        claim = Claim(Purpose.REVIEW, order.id, 1, expires_at=datetime(2100, 1, 1, tzinfo=UTC))
        return f"/r/{sign(settings.secret, claim)}"

    return make


def test_every_column_belongs_to_a_group():
    columns = {each.split('"')[1] for each in sql.columns(Review, "r").split(", ")}

    assert {*INSERTED} | {*LATER} == columns
    assert {*INSERTED} & {*LATER} == set()
    assert {*WRITTEN} <= {*REVIEW_PUBLIC} <= columns
    assert len(NAMES) == len(WRITTEN)


async def test_the_page_stores_and_shows_all_that_is_typed(feed, client, review_link, only_review):
    await feed()
    path, given = await review_link(), written()

    wrong = await client.post(path, data=given | {"rating": "9"})
    assert wrong.status_code == 422
    assert [text for text in texts(given) if text not in unescape(wrong.text)] == []

    stored = await client.post(path, data=given)
    assert stored.status_code == 200
    assert same(given, await only_review()) == {}
    for page in (stored, await client.get(path)):
        assert [text for text in texts(given) if text not in unescape(page.text)] == []


async def test_the_page_of_a_rejected_review_has_all_of_it_to_change(
    feed, client, review_link, only_review, ada
):
    await feed()
    path, given, other = await review_link(), written(), written(2)
    await client.post(path, data=given)
    id_ = (await only_review())["id"]
    await ada.do("rejectReview", reviewId=id_, reason="SPAM")

    form = await client.get(path)
    assert [text for text in texts(given) if text not in unescape(form.text)] == []
    await client.post(path, data=other)

    now = await only_review()
    assert same(other, now) == {}
    assert same(given, now["revisions"][0]) == {}


@pytest.fixture
def load(tmp_path, app):
    """Import one review: its outcome."""

    async def run(given):
        path = tmp_path / "reviews.csv"
        row = {"order_id": "ORDER-1", "created_at": DAY.isoformat(), **given}
        with path.open("w", newline="") as file:
            table = csv.DictWriter(file, row)
            table.writeheader()
            table.writerow(row)
        (outcome,) = (await import_reviews(Source(path))).counts
        return outcome

    return run


async def test_a_file_brings_every_column(feed, load, only_review):
    await feed()
    given = written()

    assert await load(given) == "created"
    assert same(given, await only_review()) == {}
    assert await load(given) == "unchanged"


@pytest.mark.parametrize("name", NAMES)
async def test_a_file_that_tells_one_column_otherwise_is_not_unchanged(
    feed, load, only_review, name
):
    await feed()
    await load(written())
    before = await only_review()

    assert await load(written() | {name: written(2)[name]}) == "skipped"
    assert await only_review() == before


async def test_a_mail_that_tells_the_body_tells_the_other_texts(feed, maria, nina, ada):
    await feed()
    given = written()
    order = {"externalId": "ORDER-1"}
    review = (await maria.do("createReview", "review { id }", order=order, **given))["review"]
    await nina.do("replyToReview", reviewId=review["id"], body="Thank you!")
    config = MailConfig(
        secret="a secret of nobody's, long enough",
        smtp_url="console:",
        mail_from="shop <no-reply@shop.example>",
        public_url="https://reviews.shop.example",
    )
    key, telling = ids.decode(review["id"])[1], []

    async def look(mailer):
        mail = await mailer(await Site.load(config), key)
        for part in (mail.text, unescape(mail.html)):
            if given["body"] in part:
                telling.append(mailer)
                assert [text for text in texts(given) if text not in part] == []

    for mailer in (review_mailer.received, review_mailer.replied, review_mailer.published):
        await look(mailer)
    await ada.do("rejectReview", reviewId=review["id"], reason="SPAM")
    await look(review_mailer.rejected)
    assert {review_mailer.received} <= {*telling}


@pytest.mark.parametrize("name", NAMES)
async def test_an_idempotency_key_is_for_one_input_with_all_its_columns(feed, maria, name):
    await feed()
    key = {"order": {"externalId": "ORDER-1"}, "idempotencyKey": "KEY"}
    other = written() | {name: written(2)[name]}

    first, again, differing = [
        await maria.do("createReview", "review { id }", **key, **given)
        for given in (written(), written(), other)
    ]

    assert again == first
    assert [error["code"] for error in differing["errors"]] == ["CONFLICT"]
    assert differing["review"] is None


TODAYS = {"rating": 5, "quality": 4, "body": "Very good work, on time."}
# As stored in databases since the first version.
STORED = "4ff06d92e079a7b390a3f42d0ea2c01d836c17b174d2f41b17e843a2c06df68c"


async def test_a_digest_that_is_stored_fits_its_input_for_ever(feed, maria):
    await feed()
    input = {"order": {"externalId": "ORDER-1"}, "idempotencyKey": "KEY", **TODAYS}
    first = await maria.do("createReview", "review { id }", **input)
    assert (await Review.get()).idempotency_digest == STORED

    assert await maria.do("createReview", "review { id }", **input) == first


def test_a_column_that_came_later_is_in_a_digest_only_when_it_is_given():
    ref, given = Ref(external_id="ORDER-1"), review_content.whole(TODAYS)

    assert review_content.digest(ref, given | {"later": None}) == STORED
    assert review_content.digest(ref, given | {"later": "Words."}) != STORED

"""The pages that links in mails open: what they store, never store, and refuse."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from html.parser import HTMLParser

import pytest

from mailers.letters.signed_links import Claim, Purpose, sign
from models import Order, Review, ReviewStatus, UpdateSolve, sql
from schema import ids

LATER = datetime(2100, 1, 1, tzinfo=UTC)
BODY = "Very good work, on time."


@pytest.fixture(params=["sqlite", "postgres"])
def database(request) -> str:
    return request.getfixturevalue(f"{request.param}_database")


@pytest.fixture
def link(settings):
    """The path of a link, by default a valid one of an order of Maria's."""

    async def make(id="ORDER-1", *, version=1, expires_at=LATER):
        order = await Order.get(external_id=id)
        claim = Claim(Purpose.REVIEW, order.id, version, expires_at=expires_at)
        return f"/r/{sign(settings.secret, claim)}"

    return make


@pytest.fixture
def update_link(settings):
    def make(update, *, solve=1, version=1, expires_at=LATER):
        key = ids.decode(update["id"])[1]
        claim = Claim(Purpose.RATE_UPDATE, key, version, solve, expires_at)
        return f"/u/{sign(settings.secret, claim)}"

    return make


class Reader(HTMLParser):
    """Parses a page into elements and text."""

    def __init__(self):
        super().__init__()
        self.tags, self.words = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def parse(response):
    reader = Reader()
    reader.feed(response.text)
    return reader


async def test_a_review_is_written_by_the_form_and_shown_ever_after(feed, link, client, outbox):
    await feed("ORDER-1")
    path = await link()
    form = {"rating": "4", "body": BODY, "communication": "5", "quality": "", "value": "3"}

    stored = await client.post(path, data=form)

    review = await Review.get()
    assert (review.rating, review.body, review.sub_ratings) == (4, BODY, (5, None, 3))
    assert (review.status, review.verified) == (ReviewStatus.APPROVED, True)
    assert await outbox() == ["review.received"]
    assert stored.status_code == 200
    assert "Thank you for your review" in stored.text

    again = await client.post(path, data=form | {"rating": "1"})
    preselected = await client.get(f"{path}?rating=1")

    assert (again.status_code, preselected.status_code) == (200, 200)
    for page in (again, preselected):
        assert BODY in parse(page).text
        assert {"class": "given", "role": "img", "aria-label": "4 of 5 stars"} in parse(page).all(
            "p"
        )
        assert parse(page).all("form") == [{"method": "get"}]  # to change it
    assert (await Review.get()).rating == 4
    assert await outbox() == ["review.received"]


async def test_a_scanner_that_opens_all_stars_stores_nothing(
    feed, link, client, stored, open_update, solve, update_link
):
    await feed("ORDER-1")
    update = await solve(await open_update())
    paths = {await link(): "rating", update_link(update): "stars"}
    before = await stored()

    for path, name in paths.items():
        for star in ("1", "2", "3", "4", "5"):
            for method in ("GET", "HEAD", "GET"):
                answer = await client.request(method, f"{path}?{name}={star}")
                assert answer.status_code == 200

            chosen = [box["value"] for box in parse(answer).all("input") if "checked" in box]
            assert chosen == [star]

    assert await stored() == before


@pytest.mark.parametrize("star", ["0", "6", "five", "", "4.5", "<script>", "1" * 5000])
async def test_a_star_that_is_none_preselects_nothing(feed, link, client, star):
    await feed("ORDER-1")

    answer = await client.get(await link(), params={"rating": star})

    assert answer.status_code == 200
    assert not [box for box in parse(answer).all("input") if "checked" in box]


@pytest.mark.parametrize(
    ("form", "field", "sentence"),
    [
        ({"body": BODY}, "rating", "Please choose 1 to 5 stars."),
        ({"rating": "6", "body": BODY}, "rating", "Please choose 1 to 5 stars."),
        ({"rating": "٣", "body": BODY}, "rating", "Please choose 1 to 5 stars."),
        ({"rating": "4", "body": "short"}, "body", "Please write at least 10 characters."),
        ({"rating": "4", "body": "x" * 20_001}, "body", "Please write 20,000 characters at most."),
        ({"rating": "4", "body": BODY, "quality": "9"}, "quality", "Please choose 1 to 5 stars."),
    ],
)
async def test_an_error_stands_beside_its_field_and_what_was_typed_stays(
    feed, link, client, stored, form, field, sentence
):
    await feed("ORDER-1")
    path, before = await link(), await stored()

    answer = await client.post(path, data=form)

    page = parse(answer)
    assert answer.status_code == 422
    assert await stored() == before
    named = [attrs for _, attrs in page.tags if attrs.get("aria-invalid") == "true"]
    assert {attrs["name"] for attrs in named} == {field}
    assert any(f"{field}-wrong" in attrs["aria-describedby"] for attrs in named)
    assert sentence in page.text
    assert re.search(r"<title>Please check", answer.text)
    assert form.get("body", "") in unescape(answer.text)
    if form.get("rating") == "4":
        assert [box["value"] for box in page.all("input") if "checked" in box] == ["4"]


class Mistakes(HTMLParser):
    """Parses a page's errors: in the summary with the field each links to, and beside each field."""

    def __init__(self, answer) -> None:
        super().__init__()
        self.summary: list[tuple[str, str]] = []
        self.beside: dict[str, str] = {}
        self.focused: list[str] = []
        self._item: list[str] | None = None
        self._target = self._at = ""
        self._is_alert = False
        self.feed(answer.text)

    def handle_starttag(self, tag, attrs):
        known = dict(attrs)
        if "autofocus" in known:
            self.focused.append(known.get("role", tag))
        self._is_alert = self._is_alert or known.get("role") == "alert"
        if self._is_alert and tag == "li":
            self._item, self._target = [], ""
        if self._item is not None and tag == "a":
            self._target = known["href"]
        if known.get("class") == "wrong":
            self._at = known["id"]

    def handle_data(self, data):
        if self._item is not None:
            self._item.append(data)
        if self._at:
            self.beside[self._at] = self.beside.get(self._at, "") + data.strip()

    def handle_endtag(self, tag):
        if tag == "li" and self._item is not None:
            self.summary.append((self._target, " ".join("".join(self._item).split())))
            self._item = None
        if tag in {"p", "span"}:
            self._at = ""
        if tag == "div" and self._is_alert:
            self._is_alert = False


BAD = {"rating": "9", "body": "short", "communication": "0", "quality": "x", "value": "6"}
STARS, STERNE = "Please choose 1 to 5 stars.", "Bitte wählen Sie 1 bis 5 Sterne."
TOLD = {
    "en": [
        ("#rating", f"Your rating: {STARS}"),
        ("#body", "Your review: Please write at least 10 characters."),
        ("#communication", f"Communication: {STARS}"),
        ("#quality", f"Quality: {STARS}"),
        ("#value", f"Value for money: {STARS}"),
    ],
    "de": [
        ("#rating", f"Ihre Sterne: {STERNE}"),
        ("#body", "Ihre Bewertung: Bitte schreiben Sie mindestens 10 Zeichen."),
        ("#communication", f"Verständigung: {STERNE}"),
        ("#quality", f"Qualität: {STERNE}"),
        ("#value", f"Preis und Leistung: {STERNE}"),
    ],
}


def must_be_accessible(answer):
    """Each invalid field has a label, a link in the summary, and its error as its description."""
    page, mistakes = parse(answer), Mistakes(answer)
    wrong = [attrs for _, attrs in page.tags if attrs.get("aria-invalid") == "true"]
    identities = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(identities) == len(set(identities))
    described = {name for each in wrong for name in each["aria-describedby"].split()}
    assert set(mistakes.beside) == {name for name in described if name.endswith("-wrong")}
    led_to = {target[1:] for target, _ in mistakes.summary if target}
    assert led_to == {each["id"] for each in wrong if "id" in each}
    assert mistakes.focused == ["alert"]


@pytest.mark.parametrize("language", TOLD)
async def test_all_mistakes_are_told_at_once_each_beside_its_field(
    feed, link, client, stored, language
):
    await feed("ORDER-1")
    path, before = await link(), await stored()

    answer = await client.post(path, data=BAD, headers={"Accept-Language": language})

    assert answer.status_code == 422
    assert Mistakes(answer).summary == TOLD[language]
    beside = {f"{target[1:]}-wrong": said.partition(": ")[2] for target, said in TOLD[language]}
    assert Mistakes(answer).beside == beside
    must_be_accessible(answer)
    assert "short" in answer.text
    assert await stored() == before


async def test_all_mistakes_of_a_rejected_review_are_told_at_once(
    review, link, client, ada, stored
):
    written = await review()
    await ada.do("rejectReview", reviewId=written["id"], reason="SPAM")
    path, before = await link(), await stored()

    answer = await client.post(path, data=BAD)

    assert answer.status_code == 422
    assert Mistakes(answer).summary == TOLD["en"]
    must_be_accessible(answer)
    assert await stored() == before


async def test_all_mistakes_of_a_rating_are_told_at_once(
    open_update, solve, update_link, client, ada, stored
):
    path = update_link(await solve(await open_update()))
    before = await stored()
    given = {"stars": "9", "comment": "x" * 20_001}

    both = await client.post(path, data=given)
    issue = await client.post(path, data=given | {"still_has_issue": "1"})
    assert await stored() == before
    await ada.do("updateSettings", ratingCommentsEnabled=False)
    without = await client.post(path, data={"stars": "9", "comment": "Hm."})

    assert [each.status_code for each in (both, issue, without)] == [422, 422, 422]
    too_long = "Please write 20,000 characters at most."
    assert Mistakes(both).summary == [
        ("#stars", f"Please rate our help: {STARS}"),
        ("#comment", f"A comment, if you like: {too_long}"),
    ]
    label = "What is still wrong? You can leave it empty."
    assert Mistakes(issue).summary == [("#note", f"{label}: {too_long}")]
    # The field for a comment is gone.
    assert Mistakes(without).summary == [
        ("#stars", f"Please rate our help: {STARS}"),
        ("", "Comments are switched off: stars alone are welcome."),
    ]
    for answer in (both, issue, without):
        must_be_accessible(answer)


async def test_a_form_is_never_too_large_to_refuse(feed, link, client, stored):
    await feed("ORDER-1")
    path, before = await link(), await stored()

    answers = [
        await client.post(path, data={"rating": "4", "body": "x" * 400_000}),
        await client.post(path, content=b"x", headers={"Content-Type": "application/json"}),
        await client.post(path, data={f"f{n}": "x" for n in range(60)}),
        await client.post(
            path,
            content=b"rating=%ff\xff",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        ),
    ]

    assert [answer.status_code for answer in answers] == [413, 415, 400, 400]
    assert all(answer.headers["content-type"] == "text/html; charset=utf-8" for answer in answers)
    assert await stored() == before


async def test_a_full_review_of_emoji_fits(feed, link, client):
    await feed("ORDER-1")

    answer = await client.post(await link(), data={"rating": "5", "body": "🎉" * 20_000})

    assert answer.status_code == 200
    assert (await Review.get()).body == "🎉" * 20_000


async def test_a_rejected_review_can_be_changed_and_handed_in_again(
    feed, link, client, ada, review
):
    written = await review("ORDER-1", rating=2, body="Call her at 555-0199, she never answers.")
    await ada.do(
        "rejectReview", reviewId=written["id"], reason="PERSONAL_INFORMATION", note="No numbers."
    )
    path = await link()

    page = parse(await client.get(path))
    assert "It tells personal details" in page.text
    assert "No numbers." in page.text
    assert "Call her at 555-0199, she never answers." in page.text

    answer = await client.post(
        path, data={"rating": "2", "body": "She never answered my questions."}
    )

    changed = await Review.get()
    assert (changed.status, changed.body) == (
        ReviewStatus.PENDING,
        "She never answered my questions.",
    )
    assert "Somebody looks at it before it is published." in answer.text


@pytest.mark.parametrize("moderated", [False, True])
async def test_a_guest_changes_the_stored_review(feed, link, client, ada, nobody, moderated):
    await feed("ORDER-1")
    path, first = await link(), {"rating": "5", "body": "Very good work, on time."}
    stored = parse(await client.post(path, data=first))
    assert "Change your review" in stored.text
    await ada.do("updateSettings", reviewModeration=moderated)

    form = parse(await client.get(f"{path}?edit=1"))
    assert "Very good work, on time." in form.text
    wrong = await client.post(path, data={"edit": "1", "rating": "2", "body": "short"})
    assert (wrong.status_code, "Change your review" in wrong.text) == (422, True)
    done = await client.post(path, data={"edit": "1", "rating": "2", "body": "It broke on Monday."})

    assert done.status_code == 200
    public = (await nobody.ask("{ reviews { nodes { rating body editedBy } } }"))["reviews"][
        "nodes"
    ]
    if not moderated:
        assert public == [{"rating": 2, "body": "It broke on Monday.", "editedBy": "AUTHOR"}]
        assert "everybody can read it" in done.text
        return
    assert public == [{"rating": 5, "body": "Very good work, on time.", "editedBy": None}]
    for page in (done, await client.get(path)):
        assert "until then everybody reads the version before it" in page.text
        assert "It broke on Monday." in page.text
        assert "Very good work, on time." in page.text
    assert "It broke on Monday." in (await client.get(f"{path}?edit=1")).text


async def test_an_old_form_of_a_first_review_changes_nothing(feed, link, client, review):
    await review("ORDER-1")

    again = await client.post(await link(), data={"rating": "1", "body": "Another text, too late."})

    assert "Very good work, on time." in again.text
    assert (await Review.get()).rating == 5


async def test_the_page_of_a_review_that_may_not_be_edited_offers_nothing(
    feed, link, client, review
):
    await review("ORDER-1")
    await feed("ORDER-1", status="DISPUTED")
    path = await link()

    for address in (path, f"{path}?edit=1"):
        assert "Change your review" not in (await client.get(address)).text
    await client.post(path, data={"edit": "1", "rating": "1", "body": "It broke on Monday."})
    assert (await Review.get()).rating == 5


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"status": "REFUNDED"}, "It was refunded."),
        ({"status": "CANCELLED"}, "It was cancelled."),
        ({"status": "DISPUTED"}, "It is in dispute."),
        ({"status": "DELIVERED", "completedAt": None}, "It is not completed yet."),
        (
            {"completedAt": "2020-01-01T00:00:00Z"},
            "The time to review it ended on January 31, 2020.",
        ),
    ],
)
async def test_an_order_that_cannot_be_reviewed_says_why(
    feed, link, client, stored, changes, sentence
):
    await feed("ORDER-1", **changes)
    path, before = await link(), await stored()

    for answer in (
        await client.get(path),
        await client.post(path, data={"rating": "5", "body": BODY}),
    ):
        assert answer.status_code == 200
        assert sentence in parse(answer).text
    assert await stored() == before


async def test_the_deadline_is_shown(feed, link, client, ada):
    await ada.do("updateSettings", timeZone="Europe/Berlin", reviewWindowDays=36_500)
    await feed("ORDER-1", completedAt="2026-01-31T23:30:00Z")

    answer = await client.get(await link())

    assert "You can do that until January 8, 2126." in parse(answer).text


async def test_an_update_is_rated_once(
    open_update, solve, update_link, client, outbox, show, maria
):
    update = await solve(await open_update())
    path = update_link(update)

    answer = await client.post(path, data={"stars": "5", "comment": "Quick & kind"})

    solved = await UpdateSolve.get()
    assert (solved.stars, solved.comment) == (5, "Quick & kind")
    assert (await show(maria, update))["status"] == "CLOSED"
    # After the reminder of the order.
    assert {*(await outbox())[1:]} == {"rating.promoter", "update.rated"}
    assert "Thank you for your rating" in answer.text

    again = await client.post(path, data={"stars": "1"})
    late = await client.post(path, data={"still_has_issue": "1"})

    for page in (again, late, await client.get(f"{path}?stars=1")):
        assert page.status_code == 200
        assert "Quick & kind" in parse(page).text
        assert not parse(page).all("form")
    assert (await UpdateSolve.get()).stars == 5
    # After the reminder of the order.
    assert {*(await outbox())[1:]} == {"rating.promoter", "update.rated"}


async def test_there_is_still_an_issue(open_update, solve, update_link, client, show, sam):
    update = await solve(await open_update())
    path = update_link(update)

    answer = await client.post(
        path, data={"still_has_issue": "1", "comment": "It is the wrong file."}
    )

    preselected = await show(sam, update)
    assert preselected["status"] == "OPEN"
    assert [note["body"] for note in preselected["notes"]["nodes"]] == ["It is the wrong file."]
    assert "Thank you for telling us" in answer.text
    again = await client.post(
        path, data={"still_has_issue": "1", "comment": "It is the wrong file."}
    )
    assert "We are working on it" in again.text
    assert (await show(sam, update))["notes"]["totalCount"] == 1


async def test_the_link_of_an_older_solve_rates_nothing_and_shows_the_way(
    open_update, solve, update_link, client, sam, act, stored
):
    update = await solve(await open_update())
    await act(sam, "reopenUpdate", update)
    await solve(update)
    old, before = update_link(update, solve=1), await stored()

    answer = await client.post(old, data={"stars": "1"})

    assert "nothing was stored" in parse(answer).text
    assert await stored() == before
    # The current question, which its form is about.
    assert {"name": "solve", "value": "2", "type": "hidden"} in parse(answer).all("input")
    assert len([box for box in parse(answer).all("input") if box.get("name") == "stars"]) == 5
    rated = await client.post(old, data={"stars": "4", "solve": "2"})
    assert "Thank you for your rating" in parse(rated).text


async def test_the_page_shows_the_thread_and_takes_an_answer_while_it_is_open(
    open_update, update_link, client, sam, maria, act, show
):
    update = await open_update(message="When does it <b>come</b>?")
    await act(sam, "postNote", update, body="A secret.", internal=True)
    path = update_link(update, solve=0)

    page = await client.get(path)
    assert "When does it <b>come</b>?" in parse(page).text
    assert "A secret." not in page.text

    answer = await client.post(path, data={"answer": "1", "body": "On <i>Monday</i>."})
    again = await client.post(path, data={"answer": "1", "body": "On <i>Monday</i>."})

    assert answer.status_code == again.status_code == 200
    assert "On <i>Monday</i>." in parse(answer).text
    notes = (await show(maria, update))["notes"]["nodes"]
    assert [note["body"] for note in notes] == ["When does it <b>come</b>?", "On <i>Monday</i>."]
    assert notes[-1]["author"]["isCustomer"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("", "Please write something."),
        (" \u200b", "Please write something."),
        ("x" * 20_001, "20,000"),
    ],
)
async def test_a_bad_answer_is_told_beside_its_field_and_stores_nothing(
    open_update, update_link, client, stored, body, sentence
):
    update = await open_update()
    path, before = update_link(update, solve=0), await stored()

    answer = await client.post(path, data={"answer": "1", "body": body})

    assert answer.status_code == 422
    assert sentence in parse(answer).text
    assert [box for box in parse(answer).all("textarea") if box.get("aria-invalid") == "true"]
    assert await stored() == before


async def test_an_answer_to_what_was_solved_meanwhile_is_not_lost_in_silence(
    open_update, solve, update_link, client, stored
):
    update = await open_update()
    await solve(update)
    path, before = update_link(update, solve=0), await stored()

    answer = await client.post(path, data={"answer": "1", "body": "One more thing."})

    assert "nothing was stored" in parse(answer).text
    assert await stored() == before


async def test_a_link_to_the_issue_opens_the_page_there(open_update, solve, update_link, client):
    path = update_link(await solve(await open_update()))

    page = parse(await client.get(f"{path}?issue=1"))

    assert [box["id"] for box in page.all("textarea") if "autofocus" in box] == ["note"]


@pytest.mark.parametrize(
    ("form", "status"), [({}, 422), ({"stars": "6"}, 422), ({"stars": "x"}, 422)]
)
async def test_stars_that_are_none_are_refused(
    open_update, solve, update_link, client, stored, form, status
):
    path = update_link(await solve(await open_update()))
    before = await stored()

    answer = await client.post(path, data=form | {"comment": "keep me"})

    assert answer.status_code == status
    assert "Please choose 1 to 5 stars." in answer.text
    assert "keep me" in answer.text
    assert await stored() == before


async def test_switched_off_ratings_leave_the_way_back(
    open_update, solve, update_link, client, ada, stored
):
    path = update_link(await solve(await open_update()))
    await ada.do("updateSettings", ratingsEnabled=False)
    before = await stored()

    answer = await client.post(path, data={"stars": "5"})

    page = parse(answer)
    assert not [box for box in page.all("input") if box.get("name") == "stars"]
    assert [button["name"] for button in page.all("button")] == ["still_has_issue"]
    assert await stored() == before


async def test_an_internal_update_has_no_page(open_update, solve, update_link, client):
    update = await open_update(customerVisible=False)
    await solve(update, notifyCustomer=None)

    assert (await client.get(update_link(update))).status_code == 404


async def test_the_customers_language_comes_first(feed, link, client):
    person = {"externalId": "MARIA", "displayName": "Maria", "locale": "de-AT"}
    await feed("ORDER-1", customer=person)
    await feed("ORDER-2", customer={"externalId": "CARL", "displayName": "Carl"})
    await feed("ORDER-3", customer=person | {"externalId": "M3", "locale": "fr"})

    async def language(id, wish):
        answer = await client.get(await link(id), headers={"Accept-Language": wish})
        assert parse(answer).all("html")[0]["lang"] == answer.headers["content-language"]
        return answer.headers["content-language"]

    assert await language("ORDER-1", "en-GB,en") == "de"
    assert await language("ORDER-2", "fr;q=0.9, de;q=0.8, en;q=0.1") == "de"
    assert await language("ORDER-2", "en, de;q=0.8") == "en"
    assert await language("ORDER-2", "de;q=0, xx, ;;q=, *") == "en"
    assert await language("ORDER-3", "de") == "de"


HOSTILE = "</style></textarea><script>alert(1)</script>{{ 7*7 }}{% raw %} \u202egnirts\u202c <img src=x onerror=alert(1)>"


async def test_hostile_names_and_texts_are_harmless(
    feed, link, client, ada, open_update, solve, update_link
):
    await ada.do("updateSettings", siteName=HOSTILE[:150])
    await feed(
        "ORDER-1",
        customer={"externalId": "EVE", "displayName": HOSTILE},
        vendor={"externalId": "V", "displayName": HOSTILE},
        service={"externalId": "S", "title": HOSTILE},
    )
    path = await link()
    update = update_link(await solve(await open_update("ORDER-2", title=HOSTILE[:150])))

    pages = [
        await client.get(path),
        await client.post(path, data={"rating": HOSTILE, "body": HOSTILE, "value": HOSTILE}),
        await client.post(path, data={"rating": "5", "body": HOSTILE * 3}),
        await client.post(update, data={"stars": HOSTILE, "comment": HOSTILE}),
        await client.post(update, data={"stars": "5", "comment": HOSTILE}),
    ]

    for answer in pages:
        page = parse(answer)
        assert {"script", "img"}.isdisjoint({tag for tag, _ in page.tags})
        assert "<script>alert(1)</script>{{ 7*7 }}" in page.text
        assert "\u202e" not in answer.text


async def test_a_page_runs_nothing_loads_nothing_and_is_not_kept(feed, link, client):
    await feed("ORDER-1")

    for path in (await link(), "/r/none"):
        answer = await client.get(path)

        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-robots-tag"] == "noindex, nofollow"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in answer.headers
        loaded = [a for _, a in parse(answer).tags if "src" in a or a.get("rel") == "stylesheet"]
        assert loaded == []


async def test_the_style_is_the_one_that_the_policy_allows(feed, link, client):
    import base64
    import hashlib

    await feed("ORDER-1")
    answer = await client.get(await link())

    style = re.search(r"<style>(.*)</style>", answer.text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in answer.headers["content-security-policy"]


async def test_every_field_has_a_name_that_is_read_aloud(
    feed, link, client, open_update, solve, update_link
):
    await feed("ORDER-1")
    paths = [await link(), update_link(await solve(await open_update("ORDER-2")))]

    for path in paths:
        answer = await client.get(path)
        page = parse(answer)
        labelled = {label.get("for") for label in page.all("label")}
        assert all(area["id"] in labelled for area in page.all("textarea"))
        assert all("required" in box for box in page.all("input") if box["type"] != "hidden")
        assert len(page.all("h1")) == len(page.all("main")) == 1
        identities = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
        assert len(identities) == len(set(identities))
        pointed = " ".join(a["aria-describedby"] for _, a in page.tags if "aria-describedby" in a)
        assert set(pointed.split()) <= set(identities)


@pytest.fixture
async def bad_links(feed, link, update_link, open_update, solve, settings):
    """Paths of invalid links, by what is wrong with them."""
    await feed("ORDER-1")
    review, update = await link(), update_link(await solve(await open_update("ORDER-2")))
    token = review[3:]
    gone = Claim(Purpose.REVIEW, ids.decode((await feed("ORDER-3"))["order"]["id"])[1], 2)
    return {
        "forged": review[:-1] + ("A" if review[-1] != "A" else "B"),
        "flipped": f"/r/{'B' if token[0] == 'A' else 'A'}{token[1:]}",
        "truncated": review[:-5],
        "something before it": f"/r/A{token}",
        "nonsense": "/r/%00%ff%F0%9F%98%80",
        "of another secret": f"/r/{sign('another secret', gone)}",
        "foreign, an update's": f"/r/{update[3:]}",
        "foreign, an order's": f"/u/{token}",
        "foreign, not to unsubscribe": f"/unsubscribe/{token}",
        "expired": await link(expires_at=datetime.now(UTC) - timedelta(seconds=1)),
        "revoked": f"/r/{sign(settings.secret, gone)}",
        "revoked, an update's": update_link({"id": ids.encode("OrderUpdate", gone.subject)}),
    }


async def test_a_bad_link_is_404_with_a_friendly_page(bad_links, client, stored):
    before = await stored()

    for what, path in bad_links.items():
        for answer in (
            await client.get(path, headers={"Accept-Language": "de"}),
            await client.post(
                path,
                data={"rating": "5", "body": BODY, "stars": "5"},
                headers={"Accept-Language": "de"},
            ),
        ):
            assert answer.status_code == 404, what
            assert answer.headers["content-language"] == "de"
            expected = "abgelaufen" if what == "expired" else "funktioniert nicht"
            assert expected in answer.text, what
    assert await stored() == before


async def test_guesses_are_few(another, app):
    async with another(rate_limits=True) as client:
        statuses = [(await client.get(f"/r/guess-{n}")).status_code for n in range(70)]
        answer = await client.get("/u/guess")

    assert set(statuses[:50]) == {404}
    assert statuses[-1] == 429
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert "Too many attempts" in answer.text


async def test_even_a_good_link_is_not_opened_without_end(another, feed, link):
    await feed("ORDER-1")
    path = await link()

    async with another(rate_limits=True) as client:
        statuses = [(await client.get(path)).status_code for _ in range(205)]

    assert (statuses[0], statuses[-1]) == (200, 429)


def test_every_sentence_of_the_pages_is_translated():
    from babel.messages.pofile import read_po
    from jinja2.ext import babel_extract

    from candor.pages.languages import FOLDER

    options = {"trimmed": "true", "trim_blocks": "true", "lstrip_blocks": "true"}
    sentences = set()
    for path in (FOLDER.parent / "templates").glob("*.html"):
        with path.open("rb") as file:
            sentences |= {found[2] for found in babel_extract(file, ("gettext",), [], options)}
    with (FOLDER / "de.po").open("rb") as file:
        german = {str(m.id): str(m.string) for m in read_po(file, locale="de") if m.id}

    assert german.keys() == sentences
    for sentence, translated in german.items():
        assert translated
        assert set(re.findall(r"%\(\w+\)s", sentence)) == set(re.findall(r"%\(\w+\)s", translated))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_fault_after_it_was_stored_does_not_say_that_nothing_was(client, feed, ada, link):
    await feed()
    await ada.do("updateSettings", siteName="Nordlicht")
    await sql.fetch(
        "CREATE TRIGGER spoils AFTER INSERT ON review"
        " BEGIN UPDATE site_settings SET time_zone = 'Nowhere'; END"
    )
    address = await link("ORDER-1")

    answer = await client.post(address, data={"rating": "5", "body": BODY})

    assert answer.status_code == 500
    assert "Nothing was stored" not in answer.text
    assert "it shows whether what you sent was stored" in answer.text
    assert (await sql.fetch("SELECT COUNT(*) AS n FROM review"))[0]["n"] == 1
    again = await client.post(address, data={"rating": "5", "body": BODY})
    assert again.status_code == 500
    assert "Nothing was stored" in again.text

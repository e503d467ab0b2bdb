"""Counters equal a recount after any steps, and averages and percentages are exact."""

import itertools
from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models import PendingVersion, RatingCounter, Review, ReviewStatus, Service, Vendor, sql
from models.database import transaction
from models.rating_tally import Tally, hundredths, percentages
from models.review import WRITTEN
from resolvers import rating_counters
from resolvers.review_import import ReviewFacts, import_reviews
from resolvers.viewer import Role, Viewer

SUMMARY = "ratingSummary { count average breakdown { stars count percentage } subRatings { communication { count average } quality { count average } value { count average } } }"
STARS = st.integers(1, 5)
MAYBE = st.one_of(st.none(), STARS)
STEP = st.one_of(
    st.tuples(st.just("create"), STARS, MAYBE, MAYBE),
    st.tuples(st.just("import"), STARS, MAYBE, st.sampled_from(list(ReviewStatus))),
    st.tuples(st.just("edit"), st.integers(0, 9), STARS, MAYBE),
    st.tuples(st.just("admin edit"), st.integers(0, 9), STARS, MAYBE),
    st.tuples(st.sampled_from(["approve", "reject", "hold", "delete"]), st.integers(0, 9)),
    st.tuples(st.just("moderate"), st.booleans()),
    st.tuples(st.just("hand over"), st.integers(0, 9)),
)
NUMBERS = itertools.count(1)


def _recounted(rows):
    found = {}
    for row in rows:
        if row.status is not ReviewStatus.APPROVED or row.deleted_at is not None:
            continue
        for subject_id in (row.service_id, row.vendor_id):
            tally = found.setdefault(subject_id, dict.fromkeys(Tally._fields, 0))
            tally[f"n{row.rating}"] += 1
            for name in ("communication", "quality", "value"):
                stars = getattr(row, name)
                if stars is not None:
                    tally[f"{name}_sum"] += stars
                    tally[f"{name}_count"] += 1
    return found


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    derandomize=True,
)
@given(steps=st.lists(STEP, min_size=4, max_size=14))
async def test_counters_equal_a_recount_after_any_steps(steps, feed, maria, ada):
    ids, orders = [], []
    for step in steps:
        await _take(step, ids, orders, feed, maria, ada)

    rows = await Review.all()
    stored = {row.subject_id: {n: getattr(row, n) for n in Tally._fields} for row in await RatingCounter.all()}  # fmt: skip
    zeros = dict.fromkeys(Tally._fields, 0)
    assert {k: v for k, v in stored.items() if v != zeros} == _recounted(rows)
    assert await rating_counters.drifts() == []
    # An edit waits of a published review alone, and is another version than the public one.
    for edit in await PendingVersion.all().select_related("review"):
        assert edit.review.is_public
        assert any(getattr(edit, name) != getattr(edit.review, name) for name in WRITTEN)
        assert edit.created_at == edit.review.created_at


async def _take(step, ids, orders, feed, maria, ada):
    verb, *values = step
    number = next(NUMBERS)
    name, service = f"WALK-{number}", f"SERVICE-{number % 2}"
    if verb in {"create", "import"}:
        await feed(name, service={"externalId": service, "title": service})
        orders.append(name)
    if verb == "create":
        payload = await maria.do("createReview", "review { id }", order={"externalId": name}, rating=values[0], communication=values[1], value=values[2], body="Very good work.")  # fmt: skip
        assert payload["errors"] == []
        ids.append(payload["review"]["id"])
    elif verb == "import":
        operator = Viewer(Role.ADMIN, external_id="operator")
        facts = ReviewFacts(name, {"rating": values[0], "body": "", "quality": values[1]}, datetime.now(UTC), status=values[2])  # fmt: skip
        results = await import_reviews(operator, [facts, facts])
        assert [result.outcome for result in results] == ["CREATED", "UNCHANGED"]
    elif verb == "moderate":
        await ada.do("updateSettings", reviewModeration=values[0])
    elif not ids:
        return
    elif verb == "hand over":
        place = values[0] % len(orders)
        await feed(orders[place], service={"externalId": f"SERVICE-{int(orders[place][5:]) % 2}", "title": "S"}, customer={"externalId": "CARL", "displayName": "C"}, handOver=True)  # fmt: skip
    else:
        await _change(verb, ids[values[0] % len(ids)], values[1:], maria, ada)


async def _change(verb, id, values, maria, ada):
    if verb in {"edit", "admin edit"}:
        author = maria if verb == "edit" else ada
        await author.do("editReview", reviewId=id, rating=values[0], quality=values[1])
    elif verb == "delete":
        await ada.do("deleteReview", reviewId=id, reason="It was asked for.")
    else:
        decision = {"approve": "APPROVED", "reject": "REJECTED", "hold": "PENDING"}[verb]
        reason = {"reason": "SPAM"} if verb == "reject" else {}
        await ada.do("moderateReviews", "results { errors { code } }", decisions=[{"reviewId": id, "status": decision, **reason}])  # fmt: skip


@given(total=st.integers(1, 10**9), count=st.integers(1, 10**8))
def test_an_average_is_rounded_half_up_as_fractions_say(total, count):
    exact = Fraction(100 * total, count) + Fraction(1, 2)

    assert hundredths(total, count) == exact.numerator // exact.denominator


@pytest.mark.parametrize(
    ("counts", "average"),
    [
        ((0, 0, 0, 51, 149), 4.75),  # 4.745
        ((0, 0, 0, 101, 99), 4.5),  # 4.495
        ((0, 0, 7, 0, 1), 3.25),
        ((0, 0, 15, 0, 1), 3.13),  # 3.125
        ((7, 1, 0, 0, 0), 1.13),  # 1.125
        ((0, 0, 1, 0, 199), 4.99),
        ((0, 0, 0, 1, 200), 5.0),  # 4.99502
        ((1, 0, 0, 0, 0), 1.0),
        ((1, 1, 1, 1, 1), 3.0),
        ((2, 0, 0, 0, 1), 2.33),
        ((1, 0, 0, 0, 2), 3.67),
    ],
)
def test_averages_computed_by_hand(counts, average):
    assert Tally(*counts).hundredths == round(average * 100)


@given(st.lists(st.integers(0, 10**6), min_size=5, max_size=5).map(tuple))
def test_percentages_use_the_largest_remainder_method(counts):
    found = percentages(counts)
    total = sum(counts)

    if not total:
        assert found == [0] * 5
        return
    exact = [Fraction(100 * count, total) for count in counts]
    assert sum(found) == 100
    assert all(share in {int(e), int(e) + 1} for share, e in zip(found, exact, strict=True))
    up = [
        (e % 1, stars)
        for stars, (e, share) in enumerate(zip(exact, found, strict=True))
        if share > e
    ]
    down = [(e % 1, stars) for stars, (e, share) in enumerate(zip(exact, found, strict=True)) if share <= e and e % 1]  # fmt: skip
    assert all(raised > left for raised in up for left in down)


async def test_percentages_and_averages_in_the_api(feed, maria, nobody):
    for place, (stars, subs) in enumerate(
        [(5, {"communication": 5, "quality": 1}), (5, {"communication": 4}), (1, {"communication": 4})]
    ):  # fmt: skip
        await feed(f"ORDER-{place}")
        await maria.do("createReview", order={"externalId": f"ORDER-{place}"}, rating=stars, body="Very good work.", **subs)  # fmt: skip

    found = await nobody.ask(f'{{ service(ref: {{externalId: "LOGO"}}) {{ {SUMMARY} }} vendor(ref: {{externalId: "NINA"}}) {{ {SUMMARY} }} }}')  # fmt: skip

    assert found["service"] == found["vendor"]
    assert found["service"]["ratingSummary"] == {
        "count": 3,
        "average": 3.67,
        "breakdown": [
            {"stars": 5, "count": 2, "percentage": 67},
            {"stars": 4, "count": 0, "percentage": 0},
            {"stars": 3, "count": 0, "percentage": 0},
            {"stars": 2, "count": 0, "percentage": 0},
            {"stars": 1, "count": 1, "percentage": 33},
        ],
        "subRatings": {
            "communication": {"count": 3, "average": 4.33},
            "quality": {"count": 1, "average": 1.0},
            "value": {"count": 0, "average": None},
        },
    }


@pytest.mark.parametrize("state", ["no review", "deleted", "rejected", "held"])
async def test_without_a_published_review_everything_is_null_or_zero(
    state, feed, review, ada, nobody
):
    if state == "no review":
        await feed()
    else:
        await ada.do("updateSettings", reviewModeration=state == "held")
        written = await review()
        if state == "deleted":
            await ada.do("deleteReview", reviewId=written["id"], reason="It was asked for.")
        if state == "rejected":
            await ada.do("rejectReview", reviewId=written["id"], reason="FAKE")

    found = await nobody.ask(f'{{ service(ref: {{externalId: "LOGO"}}) {{ {SUMMARY} standing jsonLd }} vendor(ref: {{externalId: "NINA"}}) {{ {SUMMARY} level }} }}')  # fmt: skip

    empty = {
        "count": 0,
        "average": None,
        "breakdown": [{"stars": n, "count": 0, "percentage": 0} for n in (5, 4, 3, 2, 1)],
        "subRatings": {n: {"count": 0, "average": None} for n in ("communication", "quality", "value")},
    }  # fmt: skip
    assert found == {
        "service": {"ratingSummary": empty, "standing": "UNRATED", "jsonLd": None},
        "vendor": {"ratingSummary": empty, "level": "NEW_SELLER"},
    }


async def test_a_vendors_average_is_over_all_reviews_not_over_services(feed, maria, nobody):
    for place, (service, stars) in enumerate([("A", 5), ("B", 1), ("B", 1), ("B", 1)]):
        await feed(f"ORDER-{place}", service={"externalId": service, "title": service})
        await maria.do("createReview", order={"externalId": f"ORDER-{place}"}, rating=stars, body="Very good work.")  # fmt: skip

    found = await nobody.ask('{ vendor(ref: {externalId: "NINA"}) { ratingSummary { average } services(orderBy: TITLE) { nodes { ratingSummary { average } } } } }')  # fmt: skip

    assert found["vendor"] == {
        "ratingSummary": {"average": 2.0},
        "services": {"nodes": [{"ratingSummary": {"average": 5.0}}, {"ratingSummary": {"average": 1.0}}]},
    }  # fmt: skip


async def _rated(counts, external_id):
    """A service and its vendor with these counters, without reviews."""
    vendor = await Vendor.create(external_id=f"V{external_id}", display_name="V", created_at=datetime.now(UTC))  # fmt: skip
    service = await Service.create(external_id=external_id, title=external_id, title_folded=external_id.casefold(), vendor_id=vendor.id, created_at=datetime.now(UTC))  # fmt: skip
    names = {f"n{stars}": count for stars, count in enumerate(counts, 1)}
    if any(counts):
        await RatingCounter.create(subject_id=service.id, kind="SERVICE", **names)
        await RatingCounter.create(subject_id=vendor.id, kind="VENDOR", **names)


STANDINGS = {
    "A": ((0, 0, 0, 101, 99), 4.5, "FEATURED"),
    "B": ((0, 0, 0, 51, 49), 4.49, "NORMAL"),
    "C": ((0, 0, 1, 199, 0), 4.0, "NORMAL"),
    "D": ((0, 0, 1, 99, 0), 3.99, "LOWERED"),
    "E": ((0, 0, 101, 99, 0), 3.5, "LOWERED"),
    "F": ((0, 0, 51, 49, 0), 3.49, "HIDDEN"),
    "G": ((1, 0, 0, 0, 0), 1.0, "HIDDEN"),
    "H": ((0, 0, 0, 0, 1), 5.0, "FEATURED"),
    "I": ((0, 0, 0, 0, 0), None, "UNRATED"),
    "J": ((0, 0, 0, 0, 3_000_000), 5.0, "FEATURED"),
}


async def test_standing_and_ranking_follow_the_published_average(app, nobody):
    for name, (counts, _, _) in STANDINGS.items():
        await _rated(counts, name)
    node = "nodes { externalId standing ratingSummary { average } }"

    by_title = (await nobody.ask(f"{{ services(orderBy: TITLE) {{ totalCount {node} }} }}"))[
        "services"
    ]
    ranking = (await nobody.ask("{ services { totalCount nodes { externalId } } }"))["services"]
    whole = (await nobody.ask("{ services(filter: {includeHidden: true}) { totalCount nodes { externalId } } }"))["services"]  # fmt: skip
    by_standing = {}
    query = "query($s: ServiceStanding) { services(orderBy: TITLE, filter: {standing: $s}) { nodes { externalId } } }"
    for standing in ("FEATURED", "NORMAL", "LOWERED", "HIDDEN", "UNRATED"):
        found = (await nobody.ask(query, s=standing))["services"]["nodes"]
        by_standing[standing] = [each["externalId"] for each in found]

    assert {
        each["externalId"]: (each["ratingSummary"]["average"], each["standing"])
        for each in by_title["nodes"]
    } == {name: (average, standing) for name, (_, average, standing) in STANDINGS.items()}
    assert [each["externalId"] for each in ranking["nodes"]] == list("JHABCIDE")
    assert [each["externalId"] for each in whole["nodes"]] == list("JHABCIDEFG")
    assert (by_title["totalCount"], ranking["totalCount"], whole["totalCount"]) == (10, 8, 10)
    assert by_standing == {
        "FEATURED": ["A", "H", "J"],
        "NORMAL": ["B", "C"],
        "LOWERED": ["D", "E"],
        "HIDDEN": ["F", "G"],
        "UNRATED": ["I"],
    }


LEVELS = [
    ((0, 0, 0, 0, 0), "NEW_SELLER", ("LEVEL_1", 4.0, 10, 4.0, 10)),
    ((0, 0, 0, 9, 0), "NEW_SELLER", ("LEVEL_1", 4.0, 10, 0.0, 1)),
    ((0, 0, 1, 9, 0), "NEW_SELLER", ("LEVEL_1", 4.0, 10, 0.1, 0)),
    ((0, 0, 0, 10, 0), "LEVEL_1", ("LEVEL_2", 4.5, 50, 0.5, 40)),
    ((0, 0, 1, 199, 0), "LEVEL_1", ("LEVEL_2", 4.5, 50, 0.5, 0)),
    ((0, 0, 0, 0, 49), "LEVEL_1", ("LEVEL_2", 4.5, 50, 0.0, 1)),
    ((0, 0, 0, 25, 25), "LEVEL_2", ("TOP_SELLER", 4.8, 100, 0.3, 50)),
    ((0, 0, 0, 101, 99), "LEVEL_2", ("TOP_SELLER", 4.8, 100, 0.3, 0)),
    ((0, 0, 0, 0, 99), "LEVEL_2", ("TOP_SELLER", 4.8, 100, 0.0, 1)),
    ((0, 0, 0, 20, 80), "TOP_SELLER", (None, None, None, 0.0, 0)),
    ((200, 0, 0, 0, 0), "NEW_SELLER", ("LEVEL_1", 4.0, 10, 3.0, 0)),
]


async def test_levels_and_progress_to_the_next(app, nobody, ada):
    for place, (counts, _, _) in enumerate(LEVELS):
        await _rated(counts, str(place))
    query = "query($r: NodeRef!) { vendor(ref: $r) { level levelProgress { next minAverage minReviews missingAverage missingReviews } } }"

    found = [
        (await nobody.ask(query, r={"externalId": f"V{place}"}))["vendor"]
        for place in range(len(LEVELS))
    ]

    assert [(each["level"], tuple(each["levelProgress"].values())) for each in found] == [
        (level, progress) for _, level, progress in LEVELS
    ]
    rules = [
        {"level": "LEVEL_1", "minAverage": 1, "minReviews": 1},
        {"level": "LEVEL_2", "minAverage": 1, "minReviews": 1},
        {"level": "TOP_SELLER", "minAverage": 1, "minReviews": 200},
    ]
    await ada.do("updateSettings", sellerLevels=rules)
    changed = (await nobody.ask(query, r={"externalId": "V10"}))["vendor"]["level"]
    assert changed == "TOP_SELLER"


async def test_a_drift_is_found_and_repaired(review, counters):
    await review()
    await sql.execute("UPDATE rating_counter SET n5 = 7, value_sum = 3 WHERE kind = 'VENDOR'")

    found = await rating_counters.drifts()
    async with transaction():
        repaired = await rating_counters.repair()

    assert [(drift.kind, drift.stored.n5, drift.counted.n5) for drift in found] == [
        ("VENDOR", 7, 1)
    ]
    assert repaired == found
    assert await rating_counters.drifts() == []
    assert await counters() == {"LOGO": [0, 0, 0, 0, 1], "NINA": [0, 0, 0, 0, 1]}


async def test_a_batch_of_ratings_keeps_the_requested_order(app, nobody):
    for name, counts in (("A", (1, 0, 0, 0, 0)), ("B", (0, 0, 0, 0, 2)), ("C", (0, 0, 0, 0, 0))):
        await _rated(counts, name)
    query = "query($s: [NodeRef!], $v: [NodeRef!]) { ratingSummaries(services: $s, vendors: $v) { count average } }"

    found = await nobody.ask(
        query,
        s=[{"externalId": each} for each in "CBAB"],
        v=[{"externalId": f"V{each}"} for each in "BA"],
    )

    assert [each["count"] for each in found["ratingSummaries"]] == [0, 2, 1, 2, 2, 1]

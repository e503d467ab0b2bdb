"""Lists of reviews: every sort in both directions, by page and by cursor, for every viewer."""

import itertools
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tortoise.backends.sqlite.client import SqliteClient
from tortoise.connection import get_connection

from models import Customer, Order, Review, ReviewStatus, Service, Vendor, sql
from models.engine_asyncpg import SafeAsyncpgClient
from models.folding import fold
from resolvers import inactive_members, rating_counters, review_list
from resolvers.keyset import PageRequest, Total
from resolvers.review_list import ReviewFilter, ReviewSort, Scope
from resolvers.viewer import Role, Viewer

START = datetime(2026, 1, 1, tzinfo=UTC)
ORDERS = {
    "NEWEST": lambda r: (r.created_at, r.id),
    "OLDEST": lambda r: (START - r.created_at, -r.id.int),
    "HIGHEST": lambda r: (r.rating, r.created_at, r.id),
    "LOWEST": lambda r: (-r.rating, r.created_at, r.id),
    "MOST_HELPFUL": lambda r: (r.helpful_count, r.created_at, r.id),
}
LIST = """query($o: ReviewOrder!, $f: ReviewFilter, $first: Int, $after: String, $last: Int, $before: String, $page: Int) {
  service(ref: {externalId: "LOGO"}) { reviews(orderBy: $o, filter: $f, first: $first, after: $after, last: $last, before: $before, page: $page) {
    totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { id } } nodes { id } } } }"""
SITE = """query($o: ReviewOrder!, $f: ReviewFilter, $first: Int, $after: String, $last: Int, $before: String, $page: Int) {
  reviews(orderBy: $o, filter: $f, first: $first, after: $after, last: $last, before: $before, page: $page) {
    totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { id } } nodes { id } } }"""


@pytest.fixture
def settings(settings):
    """No cost limit: these tests are about the rows."""
    return replace(settings, max_cost=10**9, max_cost_anonymous=10**9)


@pytest.fixture
async def many(app):
    """Reviews with many ties, inserted directly, with their counters."""
    return await _many(24)


async def _many(count, **of_all):
    vendor = await Vendor.create(external_id="NINA", display_name="Nina", created_at=START)
    service = await Service.create(external_id="LOGO", title="A logo", title_folded="a logo", vendor=vendor, created_at=START)  # fmt: skip
    customers = [
        await Customer.create(external_id=name, display_name=name, created_at=START)
        for name in ("MARIA", "CARL")
    ]
    made = [await _one(n, service, vendor, customers[n % 2], **of_all) for n in range(count)]
    await rating_counters.count_in(*(row for row in made if row.is_public))
    return made


async def _one(n, service, vendor, customer, **of_all):
    order = await Order.create(external_id=f"O-{n}", status="COMPLETED", customer=customer, vendor=vendor, service=service, created_at=START)  # fmt: skip
    body = ("Very good work.", "Straße 100% ok", "a_b and C:\\d", "ÇA VA, Zoë?")[n % 4]
    status = ("APPROVED", "APPROVED", "APPROVED", "PENDING", "REJECTED")[n % 5]
    given = {
        "rating": n % 3 + 3,
        "helpful_count": n % 2,
        "status": ReviewStatus(status),
        "created_at": START + timedelta(seconds=n // 4, microseconds=n // 8 % 2 * 500_000),
        "replied_at": START if n % 3 == 0 else None,
        "reply_body": "Thanks." if n % 3 == 0 else None,
    } | of_all
    return await Review.create(order=order, service=service, vendor=vendor, customer=customer, body=body, body_folded=fold(body), verified=True, **given)  # fmt: skip


async def _shown(person, query, **variables):
    data = await person.ask(query, **variables)
    return data["service"]["reviews"] if "service" in data else data["reviews"]


def _ids(rows):
    from schema import ids

    return [ids.encode("Review", row.id) for row in rows]


def _seen(connection):
    assert [edge["node"] for edge in connection["edges"]] == connection["nodes"]
    cursors = [edge["cursor"] for edge in connection["edges"]]
    assert connection["pageInfo"]["startCursor"] == (cursors[0] if cursors else None)
    assert connection["pageInfo"]["endCursor"] == (cursors[-1] if cursors else None)
    return [node["id"] for node in connection["nodes"]]


@pytest.mark.parametrize("order", ORDERS)
async def test_every_way_of_paging_returns_the_same_rows_in_the_same_order(
    order, many, nobody, maria
):
    public = [row for row in many if row.is_public]
    mine = [row for row in many if row.is_public or row.customer_id == many[0].customer_id]
    for person, rows, queries in ((nobody, public, (LIST, SITE)), (maria, mine, (LIST,))):
        expected = _ids(sorted(rows, key=ORDERS[order], reverse=True))
        for query in queries:
            for size in (2, 5, len(expected)):
                forwards = await _walk(person, query, order, size, "first", "after", "endCursor")
                assert list(itertools.chain(*forwards)) == expected
                backwards = await _walk(person, query, order, size, "last", "before", "startCursor")
                assert list(itertools.chain(*reversed(backwards))) == expected
            paged = []
            for page in range(1, len(expected) // 4 + 2):
                shown = await _shown(person, query, o=order, first=4, page=page)
                assert shown["totalCount"] == len(expected)
                assert shown["pageInfo"]["hasPreviousPage"] == (page > 1)
                assert shown["pageInfo"]["hasNextPage"] == (page * 4 < len(expected))
                paged += _seen(shown)
            assert paged == expected
            default = await _shown(person, query, o=order)
            assert _seen(default) == expected[:10]
            between = await _shown(person, query, o=order, after=(await _cursor(person, query, order, 2)), before=(await _cursor(person, query, order, 7)), first=50)  # fmt: skip
            assert _seen(between) == expected[3:7]


async def _cursor(person, query, order, place):
    return (await _shown(person, query, o=order, first=place + 1))["edges"][place]["cursor"]


async def _walk(person, query, order, size, count, beyond, end):
    pages, cursor = [], None
    more = "hasNextPage" if count == "first" else "hasPreviousPage"
    back = "hasPreviousPage" if count == "first" else "hasNextPage"
    while True:
        shown = await _shown(person, query, o=order, **{count: size}, **({beyond: cursor} if cursor else {}))  # fmt: skip
        assert shown["pageInfo"][back] == (cursor is not None)
        pages.append(_seen(shown))
        if not shown["pageInfo"][more]:
            return pages
        cursor = shown["pageInfo"][end]


@pytest.mark.parametrize("order", ORDERS)
async def test_rows_added_between_pages_neither_repeat_nor_hide_others(order, many, nobody):
    old = set(_ids(row for row in many if row.is_public))
    service, vendor = await Service.get(), await Vendor.get()
    customer = await Customer.get(external_id="MARIA")
    seen, cursor, number = [], None, 100

    while True:
        shown = await _shown(
            nobody, LIST, o=order, first=3, **({"after": cursor} if cursor else {})
        )
        seen += _seen(shown)
        for rating in (3, 5):
            number += 1
            await _one(
                number, service, vendor, customer, rating=rating, status=ReviewStatus.APPROVED
            )
        if not shown["pageInfo"]["hasNextPage"] or number > 160:
            break
        cursor = shown["pageInfo"]["endCursor"]

    assert max(Counter(seen).values()) == 1
    assert old <= set(seen)


async def test_a_cursor_of_a_deleted_row_still_works(many, nobody, ada):
    first = await _shown(nobody, LIST, o="NEWEST", first=3)
    rest = await _shown(nobody, LIST, o="NEWEST", first=50, after=first["pageInfo"]["endCursor"])
    await ada.do("deleteReview", reviewId=first["nodes"][2]["id"], reason="It was asked for.")

    again = await _shown(nobody, LIST, o="NEWEST", first=50, after=first["pageInfo"]["endCursor"])

    assert _seen(again) == _seen(rest)


@pytest.mark.parametrize("count", ["first", "last"])
async def test_a_page_of_size_0_is_empty_and_knows_whether_there_are_rows(count, many, nobody):
    for query in (LIST, SITE):
        shown = await _shown(nobody, query, o="NEWEST", **{count: 0})
        assert shown["nodes"] == shown["edges"] == []
        assert shown["totalCount"] == 15
        assert shown["pageInfo"] == {
            "hasNextPage": count == "first",
            "hasPreviousPage": count == "last",
            "startCursor": None,
            "endCursor": None,
        }


async def test_a_cursor_of_another_sort_is_invalid(many, nobody):
    for one, other in itertools.permutations(ORDERS, 2):
        cursor = await _cursor(nobody, SITE, one, 0)
        for query in (LIST, SITE):
            assert await nobody.refused(query, o=other, after=cursor) == ["INVALID"]


FILTERS = [
    ({"rating": 5}, lambda r: r.rating == 5),
    ({"rating": 1}, lambda _: False),
    ({"status": "APPROVED"}, lambda r: r.status == "APPROVED"),
    ({"status": "PENDING"}, lambda r: r.status == "PENDING"),
    ({"status": "REJECTED", "rating": 4}, lambda r: r.status == "REJECTED" and r.rating == 4),
    ({"hasReply": True}, lambda r: r.replied_at is not None),
    ({"hasReply": False, "rating": 4}, lambda r: r.replied_at is None and r.rating == 4),
    ({"createdAfter": "2026-01-01T00:00:02Z"}, lambda r: r.created_at >= START + timedelta(seconds=2)),
    ({"createdBefore": "2026-01-01T01:00:02+01:00"}, lambda r: r.created_at < START + timedelta(seconds=2)),
    ({"createdAfter": "2026-01-01T00:00:01Z", "createdBefore": "2026-01-01T00:00:03Z"}, lambda r: START + timedelta(seconds=1) <= r.created_at < START + timedelta(seconds=3)),
    ({"search": "VERY GOOD"}, lambda r: "Very good" in r.body),
    ({"search": "strasse"}, lambda r: "Straße" in r.body),
    ({"search": "STRAẞE"}, lambda r: "Straße" in r.body),
    ({"search": "%"}, lambda r: "%" in r.body),
    ({"search": "_"}, lambda r: "_" in r.body),
    ({"search": "c:\\D"}, lambda r: "C:\\d" in r.body),
    ({"search": "ça va"}, lambda r: "ÇA VA" in r.body),
    ({"search": "c\u0327a va"}, lambda r: "ÇA VA" in r.body),
    ({"search": "ZOË"}, lambda r: "Zoë" in r.body),
    ({"search": "nowhere"}, lambda _: False),
    ({"service": {"externalId": "LOGO"}}, lambda _: True),
    ({"vendor": {"externalId": "NINA"}, "rating": 3}, lambda r: r.rating == 3),
    ({"vendor": {"externalId": "OMAR"}}, lambda _: False),
    ({"awaitsDecision": True}, lambda r: r.status == "PENDING"),
    ({"awaitsDecision": True, "status": "APPROVED"}, lambda _: False),
    ({"awaitsDecision": True, "rating": 4}, lambda r: r.status == "PENDING" and r.rating == 4),
    ({"awaitsDecision": False}, lambda r: r.status != "PENDING"),
    ({"author": {"externalId": "NINA"}}, lambda _: False),
    ({"service": {"externalId": "LOGO"}, "vendor": {"externalId": "NINA"}, "status": "APPROVED", "hasReply": True, "search": "a", "rating": 3}, lambda r: r.status == "APPROVED" and r.replied_at and "a" in r.body.casefold() and r.rating == 3),
]  # fmt: skip


async def test_filters_and_totals_match_the_visible_rows_for_every_viewer(
    many, nobody, maria, nina, sam, mona, ada, shop
):
    maria_id = many[0].customer_id
    sees = [
        (nobody, lambda r: r.is_public),
        (maria, lambda r: r.is_public or r.customer_id == maria_id),
        (nina, lambda r: r.is_public),
        (sam, lambda r: r.is_public),
        (mona, lambda _: True),
        (ada, lambda _: True),
        (shop, lambda r: r.is_public),
    ]
    for person, visible in sees:
        rows = sorted(filter(visible, many), key=ORDERS["NEWEST"], reverse=True)
        for given, keeps in [*FILTERS, (None, lambda _: True)]:
            expected = _ids(row for row in rows if keeps(row))
            for query in (LIST, SITE):
                shown = await _shown(person, query, o="NEWEST", f=given, first=100)
                assert (person.id, given, _seen(shown)) == (person.id, given, expected)
                assert (person.id, given, shown["totalCount"]) == (person.id, given, len(expected))


async def test_a_guests_total_matches_the_rows_that_the_guest_sees(many):
    held = next(row for row in many if row.status is ReviewStatus.PENDING)
    guest = Viewer(Role.GUEST, order_id=held.order_id)
    scope = Scope("service", held.service_id)

    page = (await review_list.list_reviews(guest, [scope], ReviewFilter(), ReviewSort.NEWEST, PageRequest(100), count=True))[0]  # fmt: skip

    assert page.total == Total(16)
    assert len(page.rows) == 16


async def test_an_impossible_rating_is_refused_as_a_filter(nobody, many):
    for stars in (0, 6, -1):
        for query in (LIST, SITE):
            assert await nobody.refused(query, o="NEWEST", f={"rating": stars}) == ["RATING_OUT_OF_RANGE"]  # fmt: skip


DEEP = """query($o: ReviewOrder!, $first: Int, $page: Int) { %s reviews(orderBy: $o, first: $first, page: $page) { totalCount nodes {
  id body author { displayName } reply { body } viewerHasVoted revisions { body } moderation { status }
  service { title ratingSummary { average } vendor { displayName level } } vendor { displayName ratingSummary { count } }
  order { externalId service { title } review { id } reviewEligibility { reason existingReview { id } } } } } %s }"""


@pytest.fixture
def statements(monkeypatch):
    """The statements sent to the database."""
    sent = []
    for client in (SafeAsyncpgClient, SqliteClient):
        for name in ("execute_query", "execute_query_dict", "execute_insert", "execute_many"):
            real = getattr(client, name)

            async def counted(self, query, *args, real=real, **kwargs):
                # A process reads who is inactive by time, not for each request.
                if query != inactive_members.STATEMENT:
                    sent.append(query)
                return await real(self, query, *args, **kwargs)

            monkeypatch.setattr(client, name, counted)
    return sent


async def test_the_number_of_statements_does_not_depend_on_the_page_size(
    nobody, maria, ada, statements
):
    await _many(100, status=ReviewStatus.APPROVED)
    for person in (nobody, maria, ada):
        await _try_pages(person, statements)


async def _try_pages(person, statements):
    queries = {
        "site": DEEP % ("", ""),
        "service": DEEP % ('service(ref: {externalId: "LOGO"}) {', "}"),
        "vendor": DEEP % ('vendor(ref: {externalId: "NINA"}) {', "}"),
    }
    for name, query in queries.items():
        counts = {}
        for first in (2, 10, 100):
            statements.clear()
            data = await person.ask(query, o="NEWEST", first=first)
            assert str(data).count("displayName': 'Nina") >= first
            counts[first] = len(statements)
        assert (name, len(set(counts.values()))) == (name, 1), counts
        assert counts[2] <= 26


async def test_reviews_of_many_services_take_as_many_statements_as_of_one(app, nobody, statements):
    vendor = await Vendor.create(external_id="NINA", display_name="Nina", created_at=START)
    customer = await Customer.create(external_id="MARIA", display_name="M", created_at=START)
    for n in range(20):
        service = await Service.create(external_id=f"S{n}", title=f"S{n}", title_folded=f"s{n}", vendor=vendor, created_at=START)  # fmt: skip
        row = await _one(n, service, vendor, customer, status=ReviewStatus.APPROVED, rating=5)
        await rating_counters.count_in(row)
    query = "query($first: Int) { services(first: $first) { nodes { title reviews(first: 2) { totalCount nodes { body author { displayName } } } } } }"
    counts = []

    for first in (1, 20):
        statements.clear()
        data = await nobody.ask(query, first=first)
        assert [len(node["reviews"]["nodes"]) for node in data["services"]["nodes"]] == [1] * first
        counts.append(len(statements))

    # The last page of a ranking also looks for unrated services.
    assert counts[0] <= counts[1] <= counts[0] + 1


async def test_totals_of_many_vendors_services_take_as_many_statements_as_of_one(
    app, nobody, statements
):
    found = []
    for n in range(8):
        vendor = await Vendor.create(external_id=f"V{n}", display_name="V", created_at=START)
        await Service.create(external_id=f"S{n}", title="S", title_folded="s", vendor=vendor, created_at=START)  # fmt: skip
        found.append((await nobody.ask("query($r: NodeRef!) { vendor(ref: $r) { id } }", r={"externalId": f"V{n}"}))["vendor"]["id"])  # fmt: skip
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Vendor { services { totalCount nodes { title } } } } }"
    counts = []

    for many in (1, 8):
        statements.clear()
        data = await nobody.ask(query, ids=found[:many])
        assert [node["services"]["totalCount"] for node in data["nodes"]] == [1] * many
        counts.append(len(statements))

    assert counts[0] == counts[1]


async def _plan(viewer, scope, order, request=None):
    """The database's plan for a list's statement."""
    return (await _plans(viewer, scope, order, request))[0]


async def _plans(viewer, scope, order, request=None, *, count=False):
    """The plans of all statements of a list."""
    plans = []
    real = sql.fetch

    async def explained(statement, *values, **types):
        explain = "EXPLAIN" if sql.is_postgres() else "EXPLAIN QUERY PLAN"
        bind = sql._for_postgres if sql.is_postgres() else sql._for_sqlite
        text = sql.with_dollar_numbers(statement) if sql.is_postgres() else statement
        connection = get_connection("default")
        rows = await connection.execute_query_dict(f"{explain} {text}", [bind(v) for v in values])
        plans.append("\n".join(str(row.get("detail", row.get("QUERY PLAN"))) for row in rows))
        return await real(statement, *values, **types)

    sql.fetch = explained
    try:
        await review_list.list_reviews(
            viewer, [scope], ReviewFilter(), order, request or PageRequest(10), count=count
        )
    finally:
        sql.fetch = real
    return plans


async def _fill():
    """Enough rows and services for the planner to prefer an index."""
    (base,) = await _many(1, status=ReviewStatus.APPROVED)
    customer = await Customer.get(id=base.customer_id)
    services = [(await Service.get(), await Vendor.get())]
    for n in range(39):
        vendor = await Vendor.create(external_id=f"V{n}", display_name="V", created_at=START)
        service = await Service.create(external_id=f"S{n}", title="S", title_folded="s", vendor=vendor, created_at=START)  # fmt: skip
        services.append((service, vendor))
    orders, reviews = [], []
    for n in range(3000):
        service, vendor = services[n % 40]
        order = Order(external_id=f"X-{n}", status="COMPLETED", customer=customer, vendor=vendor, service=service, created_at=START)  # fmt: skip
        orders.append(order)
        reviews.append(Review(order_id=order.id, service=service, vendor=vendor, customer=customer, body="b", body_folded="b", verified=True, rating=n % 5 + 1, helpful_count=n % 7, status="APPROVED", created_at=START + timedelta(minutes=n)))  # fmt: skip
    await Order.bulk_create(orders)
    await Review.bulk_create(reviews)
    await sql.execute("ANALYZE")
    return base


@pytest.mark.parametrize("role", [Role.CUSTOMER, Role.VENDOR, Role.ADMIN])
async def test_totals_of_signed_in_viewers_do_not_scan_published_reviews(app, role):
    base = await _fill()
    viewer = Viewer(role, external_id="CARL", vendor="CARL")

    for subject, key in (("service", base.service_id), ("vendor", base.vendor_id)):
        plans = await _plans(viewer, Scope(subject, key), ReviewSort.NEWEST, count=True)
        assert "_hidden" in plans[-1], plans


async def test_the_common_lists_of_signed_in_viewers_need_no_sort(app):
    base = await _fill()
    stranger = Viewer(Role.CUSTOMER, external_id="CARL")

    plan = await _plan(stranger, Scope("service", base.service_id), ReviewSort.HIGHEST)

    assert "Sort" not in plan
    assert "TEMP B-TREE" not in plan


BY_AUTHOR = """query($o: ReviewOrder!, $f: ReviewFilter, $first: Int, $after: String) {
  reviews(orderBy: $o, filter: $f, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor } nodes { id } } }"""


@pytest.mark.parametrize("order", ORDERS)
async def test_an_authors_reviews_are_listed_for_moderators_and_the_author_alone(
    order, many, mona, maria, carl, sam, nobody
):
    rows = sorted(many, key=ORDERS[order], reverse=True)
    hers = [row for row in rows if row.customer_id == many[0].customer_id]
    for given, keeps in (
        ({}, lambda _: True),
        ({"rating": 4}, lambda r: r.rating == 4),
        ({"status": "REJECTED"}, lambda r: r.status == "REJECTED"),
        ({"search": "good"}, lambda r: "good" in r.body),
        ({"vendor": {"externalId": "NINA"}, "hasReply": True}, lambda r: r.replied_at is not None),
        ({"createdAfter": "2026-01-01T00:00:02Z"}, lambda r: r.created_at >= START + timedelta(seconds=2)),
    ):  # fmt: skip
        filter = {"author": {"externalId": "MARIA"}} | given
        expected = _ids(row for row in hers if keeps(row))
        for person in (mona, maria):
            assert await _all_by(person, order, filter) == expected
        for person in (carl, sam, nobody):
            assert await _all_by(person, order, filter) == []


async def _all_by(person, order, filter):
    shown, cursor = [], None
    while True:
        page = (await person.ask(BY_AUTHOR, o=order, f=filter, first=4, after=cursor))["reviews"]
        shown += [node["id"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            assert page["totalCount"] == len(shown)
            return shown
        cursor = page["pageInfo"]["endCursor"]


async def test_the_queue_of_moderation_begins_with_what_has_waited_longest(many, mona):
    waiting = sorted((r for r in many if r.status == "PENDING"), key=ORDERS["OLDEST"], reverse=True)

    shown = await _all_by(mona, "OLDEST", {"awaitsDecision": True})

    assert shown == _ids(waiting)

"""No input of the feed, however odd, causes a server error."""

import pytest

from tests.resolvers.feeds import NOW, evils


@pytest.fixture(autouse=True)
def now(at):
    return at(NOW)


NASTY = ["", " ", "\x00", "a\nb", "ﷺ" * 300, "x" * 100_000, "İ", "ß", "'; DROP", "0", "guest",
         "\u202e", "%s {0}", "a@b", "a@xn--a.com", "a@\u0660.com", "ß@straße.example", "https://[::1",
         "https://xn--/", "http://\uff41.com/", "de\x00", "zh_CN_#Hans", "x-" + "a-" * 40, "👩‍👩‍👧"]  # fmt: skip


TIMES = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:60Z", "2026-02-30T00:00:00Z", "2026-01-01T00:00:00z",
         "1969-12-31T23:59:59Z", "2026-01-01", "", "2016-12-31T23:59:60Z", None]  # fmt: skip


@pytest.mark.parametrize("bound", [False, True])
async def test_no_input_causes_a_server_error(client, shop, evil_key, bound):
    by = evil_key if bound else shop
    places = [("externalId",), *[(k, "externalId") for k in ("customer", "vendor", "service")],
              *[(k, n) for k in ("customer", "vendor") for n in ("displayName", "email", "locale")],
              ("service", "title"), ("service", "url")]  # fmt: skip
    rows = []
    for place in places:
        for value in NASTY:
            row = evils(f"O-{len(rows)}")
            row = {k: dict(v) if isinstance(v, dict) else v for k, v in row.items()}
            (row if len(place) == 1 else row[place[0]])[place[-1]] = value
            rows.append(row)
    rows += [
        evils(f"O-{len(rows)}", **{name: value})
        for name in ("completedAt", "updatedAt")
        for value in TIMES
    ]
    for start in range(0, len(rows), 20):
        import json

        body = {"query": "mutation($o: [OrderInput!]!) { upsertOrders(input: {orders: $o}) { errors { code } "
                 "results { externalId outcome errors { code } }" + " } }", "variables": {"o": rows[start : start + 20]}}  # fmt: skip
        answer = await client.post(
            "/graphql",
            content=json.dumps(body),
            headers={"Authorization": f"Bearer {by.token}", "Content-Type": "application/json"},
        )
        assert "INTERNAL_SERVER_ERROR" not in answer.text, (start, answer.text[:300])
        assert answer.status_code == 200, (start, answer.text[:300])

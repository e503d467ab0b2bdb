"""The command `candor`, as an operator runs it, in a folder and processes of its own."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest

ROOT = Path(__file__).parent.parent.parent
SECRET = "a secret of the tests, long enough to sign with"
DAY = (datetime.now(UTC) - timedelta(days=3)).date().isoformat()
ORDERS = (
    "order_id,status,completed_at,customer_id,customer_name,customer_email,vendor_id,vendor_name,"
    "service_id,service_title\n"
)
REVIEWS = "order_id,rating,body,created_at\n"


@pytest.fixture
def database(sqlite_database) -> str:
    """One database is enough: the functions that commands call are tested on both."""
    return sqlite_database


@pytest.fixture
def environment(database):
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "CANDOR_DATABASE_URL": database,
        "CANDOR_SECRET": SECRET,
    }


@pytest.fixture
def candor(environment, tmp_path):
    """Run `candor` with these arguments: exit code, stdout and stderr."""

    def run(*arguments, **variables):
        command = [
            sys.executable,
            "-c",
            "from candor.commands.main import main; main()",
            *arguments,
        ]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=environment | variables,
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout.strip(), done.stderr.strip()

    return run


@pytest.fixture
def write(tmp_path):
    def write(name, text, encoding="utf-8"):
        (tmp_path / name).write_bytes(text.encode(encoding))
        return name

    return write


def order(number, status="COMPLETED", completed=f"{DAY} 12:00:00", vendor="NINA", name="Nina"):
    return f"O{number},{status},{completed},MARIA,Maria Souza,,{vendor},{name},LOGO,A logo\n"


def test_orders_and_reviews_come_in_and_a_second_time_changes_nothing(candor, write):
    orders = write("orders.csv", ORDERS + order(1) + order(2) + order(3, "CANCELLED", ""))
    reviews = write("reviews.csv", REVIEWS + f"O1,5,Superb,{DAY} 18:00:00\nO3,1,,{DAY}\n")

    assert candor("import", "orders", orders) == (0, "3 created", "")
    assert candor("import", "reviews", reviews) == (0, "2 created", "")

    assert candor("import", "orders", orders) == (0, "3 unchanged", "")
    assert candor("import", "reviews", reviews) == (0, "2 unchanged", "")
    assert candor("check") == (0, "Everything is in order.", "")


@pytest.mark.parametrize("server", ["sqlite_database", "postgres_database"])
def test_a_dry_run_keeps_nothing(candor, write, request, server):
    url = {"CANDOR_DATABASE_URL": request.getfixturevalue(server)}
    orders = write("orders.csv", ORDERS + order(1))

    dry = candor("import", "orders", orders, "--dry-run", **url)

    assert dry[1] == "Dry run, nothing kept: 1 created"
    assert candor("import", "orders", orders, **url) == (0, "1 created", "")
    assert candor("import", "orders", orders, **url) == (0, "1 unchanged", "")


def test_a_bad_row_is_told_with_its_line_and_the_good_ones_are_kept(candor, write):
    rows = (
        order(1)
        + order(2, "SHIPPED")
        + order(3, completed="yesterday")
        + "O4,COMPLETED\n"
        + order(5)
    )
    orders = write("orders.csv", ORDERS + rows)

    code, said, complained = candor("import", "orders", orders)

    assert (code, said) == (1, "2 created, 3 failed")
    assert [line.split(":")[0] for line in complained.splitlines()] == [
        "line 3",
        "line 4",
        "line 5",
    ]
    assert "SHIPPED" in complained
    assert "2 cells under 10 columns" in complained


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "The file is empty."),
        ("\n\n", "The file is empty."),
        ("order_id,status\n", "Columns are missing"),
    ],
)
def test_a_file_without_rows_that_can_be_read_is_refused(candor, write, text, complaint):
    code, said, complained = candor("import", "orders", write("orders.csv", text))

    assert (code, said) == (1, "")
    assert complaint in complained


def test_a_byte_order_mark_and_other_columns_names_are_understood(candor, write):
    text = ORDERS.replace("order_id", "number").replace("status", "state") + order(1, "done")
    orders = write("orders.csv", text, encoding="utf-8-sig")

    done = candor(
        "import", "orders", orders, "--map", "number=order_id", "--map", "state=status",
        "--value", "status:done=COMPLETED",
    )  # fmt: skip

    assert done == (0, "1 created", "")


def test_latin_1_is_refused_row_by_row_unless_it_is_named(candor, write):
    orders = write(
        "orders.csv", ORDERS + order(1) + order(2, vendor="JOSE", name="José"), "latin-1"
    )

    code, said, complained = candor("import", "orders", orders)

    assert (code, said) == (1, "1 created, 1 failed")
    assert complained == "line 3: failed: this is not utf-8; try --encoding latin-1"
    assert (
        candor("import", "orders", orders, "--encoding", "latin-1")[1] == "1 created, 1 unchanged"
    )


def test_a_broken_last_line_spoils_nothing_else(candor, write):
    orders = write("orders.csv", ORDERS + order(1) + 'O2,COMPLETED,"2026-01-01')

    code, said, complained = candor("import", "orders", orders)

    assert (code, said) == (1, "1 created, 1 failed")
    assert complained.startswith("line 3: failed: this is no CSV")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--map", "Stars=rating", "--map", "Text=bodyy"), "no field 'bodyy'. Is it body?"),
        (("--map", "Review text=body"), "no column 'Review text'. Is it 'Review Text'?"),
        (("--value", "state:x=APPROVED"), "no field 'state'. Is it status?"),
        (("--set", "colour=red"), "no field 'colour'"),
        (("--set", "rating=5"), "rating has more than one source"),
        (("--set", "rating"), "not of the form FIELD=VALUE"),
        (("--map", "rating"), "not of the form COLUMN=FIELD"),
        (("--value", "status=APPROVED"), "not of the form FIELD:TEXT=VALUE"),
        (("--delimiter", "::"), "not one character"),
        (("--date-format", "%d"), "no format of a date"),
        (("--time-zone", "Mars"), "no time zone 'Mars'"),
    ],
)
def test_what_an_option_names_wrongly_is_told_before_anything_is_stored(
    candor, write, options, complaint
):
    candor("import", "orders", write("orders.csv", ORDERS + order(1)))
    reviews = write("reviews.csv", f"order_id,rating,Review Text,created_at\nO1,5,x,{DAY}\n")

    code, said, complained = candor("import", "reviews", reviews, *options)

    assert (code, said) == (2, "")
    assert complaint in complained
    assert candor("import", "reviews", reviews)[1] == "1 created"


def test_an_order_that_has_another_review_keeps_it(candor, write):
    candor("import", "orders", write("orders.csv", ORDERS + order(1)))
    candor("import", "reviews", write("first.csv", REVIEWS + f"O1,5,First,{DAY}\n"))
    other = write("other.csv", REVIEWS + f"O1,1,Older,{DAY}\nO1,2,Other,{DAY} 10:00\n")

    assert candor("import", "reviews", other)[:2] == (1, "2 skipped")
    assert candor("import", "reviews", other, "--allow-skips")[:2] == (0, "2 skipped")


def test_a_review_of_another_service_than_the_orders_is_refused(candor, write):
    """Yotpo's export has a row for each product of an order."""
    candor("import", "orders", write("orders.csv", ORDERS + order(1)))
    columns = "order_id,rating,body,created_at,service_id\n"
    reviews = write(
        "reviews.csv",
        columns + f"O1,5,Bought,{DAY} 10:00,LOGO\nO1,3,Other,{DAY} 11:00,STOOL\n",
    )

    code, said, complained = candor("import", "reviews", reviews)

    assert (code, said) == (1, "1 created, 1 failed")
    assert complained == "line 3: failed: service_id: Order O1 is of another service, LOGO."
    assert candor("import", "reviews", reviews)[1] == "1 failed, 1 unchanged"


def test_swallowed_lines_are_counted_and_named(candor, write):
    orders = write(
        "orders.csv",
        ORDERS
        + order(1).replace("Maria", '"Maria')
        + order(2)
        + order(3).replace("Nina", '"Nina"')
        + order(4),
    )

    code, said, complained = candor("import", "orders", orders)

    assert (code, said) == (1, "1 created, 3 failed")
    assert complained.startswith("lines 2 to 4: failed: ")


def test_a_row_tells_everything_that_is_wrong_with_it(candor, write):
    row = f"{LONG},SHIPPED,yesterday,MARIA,Maria,,NINA,Nina,LOGO,\n"

    _, said, complained = candor("import", "orders", write("orders.csv", ORDERS + row))

    assert said == "1 failed"
    for column in ("status", "completed_at", "order_id", "service_title"):
        assert f"{column}: " in complained


def test_a_check_shows_how_a_file_would_be_read_and_stores_nothing(candor, write):
    row = order(1, "done").replace(",", ";")
    orders = write("orders.csv", "colour;" + ORDERS.replace(",", ";") + "red;" + row + "blue;x\n")
    options = ("import", "orders", orders, "--value", "status:done=COMPLETED", "--time-zone", "UTC")

    code, said, complained = candor(*options, "--check")

    assert (code, complained) == (0, "")
    assert said.splitlines()[0] == "orders.csv: CSV, separated by semicolons"
    assert said.splitlines()[2] == "Columns not used: colour"
    assert f"status 'COMPLETED', completed_at '{DAY} 12:00:00+00:00'" in said
    assert "line 3: 2 cells under 11 columns" in said
    assert said.splitlines()[-1] == (
        "To import it: candor import orders orders.csv --value status:done=COMPLETED"
        " --time-zone UTC"
    )
    assert candor(*options)[1] == "1 created, 1 failed"


def test_json_lines_are_read_too(candor, write):
    row = dict(zip(ORDERS.strip().split(","), order(1).strip().split(","), strict=True))
    orders = write("orders.jsonl", json.dumps(row) + "\n\n{broken\n[]\n")

    code, said, complained = candor("import", "orders", orders)

    assert (code, said) == (1, "1 created, 2 failed")
    assert [line.split(":")[0] for line in complained.splitlines()] == ["line 3", "line 4"]


GOOD = dict(zip(ORDERS.strip().split(","), order(1).strip().split(","), strict=True))
LONG = "x" * 301
# An invalid cell for each column that can have one, and the outcome of its row.
BAD_CELLS = {
    "order_id": (LONG, "failed"),
    "status": ("SHIPPED", "failed"),
    "completed_at": ("1960-01-01", "failed"),
    "customer_id": (LONG, "failed"),
    "customer_name": (LONG, "created"),
    "customer_email": ("not given", "created"),
    "vendor_id": (LONG, "failed"),
    "vendor_name": ("nina@example.com", "created"),
    "service_id": (LONG, "failed"),
    "service_title": ("", "failed"),
}


def as_csv(rows):
    return "".join(
        ",".join(cells) + "\n" for cells in ([*rows[0]], *(row.values() for row in rows))
    )


def as_json_lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize(("kind", "first"), [(as_csv, 2), (as_json_lines, 1)])
def test_what_is_wrong_is_told_by_the_columns_of_the_file(candor, write, kind, first):
    rows = [
        GOOD | {"order_id": f"O{place}", column: cell}
        for place, (column, (cell, _)) in enumerate(BAD_CELLS.items())
    ]

    code, _, complained = candor("import", "orders", write("orders", kind(rows)))

    assert code == 1
    assert [line.split(": ")[:3] for line in complained.splitlines()] == [
        [f"line {line}", outcome, column]
        for line, (column, (_, outcome)) in enumerate(BAD_CELLS.items(), first)
    ]


def test_so_it_is_of_a_column_of_another_name_and_of_several_mistakes_in_a_row(candor, write):
    row = GOOD | {"customer_id": LONG, "service_title": ""}
    row["buyer"] = row.pop("customer_id")
    orders = write("orders.csv", as_csv([row]))

    code, said, complained = candor("import", "orders", orders, "--map", "buyer=customer_id")

    assert (code, said) == (1, "1 failed")
    assert [line.split(": ")[:3] for line in complained.splitlines()] == [
        ["line 2", "failed", "buyer (customer_id)"],
        ["line 2", "failed", "service_title"],
    ]


@pytest.mark.parametrize(("kind", "first"), [(as_csv, 2), (as_json_lines, 1)])
def test_and_so_it_is_of_reviews(candor, write, kind, first):
    candor("import", "orders", write("orders.csv", ORDERS + order(1)))
    good = {"order_id": "O1", "rating": "5", "created_at": f"{DAY} 18:00", "quality": "4"}
    bad = {"order_id": "O9", "rating": "6", "created_at": "2999-01-01", "quality": "0"}
    rows = [good | {column: cell} for column, cell in bad.items()]

    # Each in a file of its own: of several reviews of one order, only the newest is imported.
    complaints = [
        candor("import", "reviews", write("reviews", kind([row])))[2].split(": ")[:3]
        for row in rows
    ]

    assert complaints == [[f"line {first}", "failed", column] for column in bad]


def test_of_two_reviews_of_an_order_the_newest_is_taken(candor, write):
    orders = write("orders.csv", ORDERS + order(1))
    reviews = write(
        "reviews.csv",
        REVIEWS + f"O1,1,Old,{DAY} 18:00\nO1,5,New,{DAY} 19:00\nO1,2,Oldest,{DAY} 17:00\n",
    )
    candor("import", "orders", orders)

    code, said, complained = candor("import", "reviews", reviews)

    assert (code, said) == (0, "1 created, 2 skipped")
    assert complained.splitlines() == [
        "line 2: skipped: line 3 has a newer review of this order",
        "line 4: skipped: line 3 has a newer review of this order",
    ]
    assert candor("import", "reviews", reviews)[1] == "2 skipped, 1 unchanged"


def test_reviews_of_unknown_orders_or_with_strange_stars_fail(candor, write):
    candor("import", "orders", write("orders.csv", ORDERS + order(1)))
    reviews = write(
        "reviews.csv",
        REVIEWS + f"O9,5,Fine,{DAY}\nO1,6,Fine,{DAY}\nO1,4.5,Fine,{DAY}\nO1,5,Fine,never\n",
    )

    code, said, complained = candor("import", "reviews", reviews)

    assert (code, said) == (1, "4 failed")
    assert "There is no order O9" in complained
    assert "1 to 5" in complained


def test_a_token_is_printed_alone_and_holds_what_was_asked_for(candor):
    code, token, complained = candor(
        "token", "--role", "vendor", "--id", "NINA", "--name", "Nina", "--ttl", "2h"
    )

    claims = jwt.decode(token, SECRET, algorithms=["HS256"])
    assert (code, complained) == (0, "")
    assert (claims["sub"], claims["role"], claims["vendor"], claims["name"]) == (
        "NINA",
        "vendor",
        "NINA",
        "Nina",
    )
    assert claims["exp"] - claims["iat"] == 7200
    assert candor("token", "--role", "king", "--id", "X")[0] == 2
    assert candor("token", "--role", "customer", "--id", "X", "--vendor", "V")[0] == 2
    assert candor("token", "--role", "customer", "--id", "X", "--ttl", "soon")[0] == 2


def test_keys_are_made_listed_and_revoked(candor):
    code, key, _ = candor(
        "key", "create", "--name", "shop", "--scope", "ORDERS_WRITE", "--vendor", "NINA"
    )
    assert code == 0
    assert key.startswith("candor_")

    assert candor("key", "create", "--name", "shop", "--scope", "ORDERS_WRITE")[0] == 1
    assert "says who its buyers are" in " ".join(candor("key", "create", "--help")[1].split())
    assert candor("key", "list")[1] == "shop\tORDERS_WRITE\tNINA\tactive\tnever expires\tnever used"
    assert candor("key", "revoke", "shop")[0] == 0
    assert candor("key", "revoke", "shop")[0] == 1
    assert "revoked" in candor("key", "list")[1]


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"CANDOR_DATABASE_URL": "mysql://x"}, "CANDOR_DATABASE_URL"),
        ({"CANDOR_SECRET": "short"}, "CANDOR_SECRET"),
        ({"CANDOR_SECRET": "", "CANDOR_ENV": "production"}, "CANDOR_SECRET"),
        ({"CANDOR_ENV": "staging"}, "CANDOR_ENV"),
        ({"CANDOR_CORS_ORIGINS": "*"}, "CANDOR_CORS_ORIGINS"),
        ({"CANDOR_JWKS_FILE": "/nowhere.json"}, "CANDOR_JWKS_FILE"),
    ],
)
def test_a_wrong_setting_is_named(candor, variables, named):
    code, said, complained = candor("token", "--role", "admin", "--id", "ADA", **variables)

    assert (code, said) == (1, "")
    assert named in complained
    assert "Traceback" not in complained


def test_a_drifted_counter_is_found_and_mended(candor, write, tmp_path, environment):
    candor("import", "orders", write("orders.csv", ORDERS + order(1)))
    candor("import", "reviews", write("reviews.csv", REVIEWS + f"O1,5,Fine,{DAY} 18:00\n"))
    break_it = (
        "import asyncio\nfrom candor.commands.environment import run_in_database\nfrom models import RatingCounter\n"
        "async def work():\n    await RatingCounter.all().update(n5=7)\nrun_in_database(work())"
    )
    command = [sys.executable, "-c", break_it]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60, env=environment)

    code, said, _ = candor("check")

    assert code == 1
    assert said.count("wrong: the counter of") == 2
    assert candor("check", "--repair")[0] == 0
    assert candor("check") == (0, "Everything is in order.", "")


def test_a_review_missing_in_the_index_of_texts_is_found_and_mended(
    candor, write, tmp_path, environment
):
    candor("import", "orders", write("orders.csv", ORDERS + order(1)))
    candor("import", "reviews", write("reviews.csv", REVIEWS + f"O1,5,Fine,{DAY} 18:00\n"))
    assert candor("check")[0] == 0
    lose_it = (
        "from candor.commands.environment import run_in_database\nfrom models import SearchWaiting\n"
        "async def work():\n    assert await SearchWaiting.all().delete() == 1\nrun_in_database(work())"
    )
    command = [sys.executable, "-c", lose_it]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60, env=environment)

    code, said, _ = candor("check")

    assert code == 1
    assert said == (
        "wrong: 1 reviews are missing in the index of texts, so searches do not find them; they were"
        " stored without the table's triggers"
    )
    assert candor("check", "--repair")[0] == 0
    assert candor("check") == (0, "Everything is in order.", "")


def test_a_service_that_moved_away_from_its_reviews_is_found(candor, write, tmp_path, environment):
    orders = ORDERS + order(1) + order(2, vendor="OMAR", name="Omar").replace("LOGO", "SITE")
    candor("import", "orders", write("orders.csv", orders))
    candor("import", "reviews", write("reviews.csv", REVIEWS + f"O1,5,Fine,{DAY} 18:00\n"))
    move_it = (
        "from candor.commands.environment import run_in_database\nfrom models import Service, Vendor\n"
        "async def work():\n    omar = await Vendor.get(external_id='OMAR')\n"
        "    await Service.filter(external_id='LOGO').update(vendor_id=omar.id)\nrun_in_database(work())"
    )
    command = [sys.executable, "-c", move_it]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60, env=environment)

    code, said, _ = candor("check")

    assert code == 1
    assert said == (
        "wrong: service LOGO belongs to vendor OMAR now, but 1 of its reviews count for NINA; while"
        " all of them do, feed an order of it with that vendor"
    )
    assert candor("check", "--repair")[0] == 1
    candor("import", "orders", write("more.csv", ORDERS + order(3)))
    assert candor("check") == (0, "Everything is in order.", "")


def test_what_cannot_be_taken_of_an_order_is_told_and_the_order_is_kept(candor, write):
    row = order(1).replace("MARIA,Maria Souza,", "0,Greta,not given")

    code, said, complained = candor("import", "orders", write("orders.csv", ORDERS + row))

    assert (code, said) == (0, "1 created")
    assert [line.split(": ")[:3] for line in complained.splitlines()] == [
        ["line 2", "created", "customer_email"],
        ["line 2", "created", "customer_id"],
    ]


def test_the_schema_is_printed_and_compared_with_an_older_one(candor, write):
    code, printed, _ = candor("schema")
    assert code == 0
    same = write("same.graphql", printed)
    older = write(
        "older.graphql",
        printed.replace("type ReviewAuthor {", 'type ReviewAuthor {\n  "Gone."\n  nick: String'),
    )

    assert candor("schema", "--against", same) == (0, "Nothing breaks.", "")
    code, said, _ = candor("schema", "--against", older)

    assert code == 1
    assert "ReviewAuthor.nick was removed" in said


def test_the_links_to_an_order_are_revoked(candor):
    assert candor("links", "revoke", "--order", "ORDER-9")[0] == 1
    assert "There is no such order" in candor("links", "revoke", "--order", "ORDER-9")[2]


def test_a_key_of_a_vendor_says_nothing_about_the_team(candor):
    made = ("key", "create", "--name", "k", "--scope", "TEAM_WRITE")

    assert candor(*made, "--scope", "ORDERS_WRITE", "--vendor", "NINA")[0] == 2
    assert candor(*made)[0] == 0
    assert candor("key", "list")[1].split("\t")[1] == "TEAM_WRITE"

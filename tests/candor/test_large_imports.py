"""Files of many rows: they are told about while they are read, and need no memory of their own."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("server_process.py")
SECRET = "a secret of the tests, long enough to sign with"
ORDERS = "order_id,status,customer_id,vendor_id,vendor_name,service_id,service_title\n"
REVIEWS = "order_id,rating,body,created_at\n"
AT_ONCE = {
    "candor.commands.import_progress.FIRST": 0.0,
    "candor.commands.import_progress.NEXT": 0.0,
}


@pytest.fixture
def database(sqlite_database):
    """One database is enough: what is stored is tested on both."""
    return sqlite_database


def megabytes(pid):
    """The most memory that a process has had so far. (Its parent's counts in `wait4`.)"""
    status = Path(f"/proc/{pid}/status").read_text()
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(peak[1]) / 1024 if peak else 0.0


@pytest.fixture
def candor(database, tmp_path):
    """Run `candor` with changed constants: exit code, stdout, lines of stderr, megabytes."""

    def run(kind, text, changes=None):
        path = tmp_path / f"{kind}.csv"
        path.write_text(text)
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "CANDOR_DATABASE_URL": database,
            "CANDOR_SECRET": SECRET,
            "TEST_CHANGES": json.dumps(changes or {}),
        }
        command = [sys.executable, str(SCRIPT), "import", kind, str(path)]
        files = tmp_path / "said", tmp_path / "told"
        with files[0].open("w") as stdout, files[1].open("w") as stderr:
            process = subprocess.Popen(
                command, cwd=tmp_path, env=environment, stdout=stdout, stderr=stderr
            )
            most = 0.0
            while process.poll() is None:
                most = max(most, megabytes(process.pid))
                time.sleep(0.02)
        said, told = (file.read_text() for file in files)
        return process.returncode, said.strip(), told.splitlines(), most

    return run


def order(number, status="PENDING"):
    return f"O{number},{status},C{number},NINA,Nina,LOGO,A logo\n"


def review(number, hour, stars=5):
    return f"O{number},{stars},Fine,2026-01-02 {hour:02}:00\n"


def test_remarks_and_progress_come_while_the_file_is_read(candor):
    rows = [order(number) for number in range(7)]
    rows[1] = order(1, "UNHEARD")

    code, said, told, _ = candor(
        "orders", ORDERS + "".join(rows), AT_ONCE | {"candor.imports.importing.BATCH": 2}
    )

    assert (code, said) == (1, "6 created, 1 failed")
    (remark,) = [line for line in told if line.startswith("line 3: failed: status:")]
    progress = [line for line in told if line.startswith("orders.csv: ")]
    assert progress[-1] == "orders.csv: 100 %"
    assert 0 < told.index(remark) < told.index("orders.csv: 100 %")
    assert set(told) == {remark, *progress}


def test_reviews_are_looked_through_and_stored_with_one_progress(candor):
    candor("orders", ORDERS + order(1))

    code, said, told, _ = candor("reviews", REVIEWS + review(1, 9), AT_ONCE)

    assert (code, said) == (0, "1 created")
    assert told == [f"reviews.csv: {percent} %" for percent in (27, 50, 77, 100)]


def test_the_newest_review_of_an_order_is_found_however_far_away(candor):
    candor("orders", ORDERS + "".join(order(number) for number in range(6)))
    rows = [review(number, 10) for number in range(6)]
    rows += [review(0, 9, 1), review(1, 11, 4), review(2, 10, 3)]

    result = candor("reviews", REVIEWS + "".join(rows), {"candor.imports.importing.BATCH": 2})

    assert result[:2] == (0, "6 created, 3 skipped")
    assert result[2] == [
        "line 3: skipped: line 9 has a newer review of this order",
        "line 4: skipped: line 10 has a newer review of this order",
        "line 8: skipped: line 2 has a newer review of this order",
    ]


def test_an_order_number_that_no_database_takes_fails_with_its_line(candor):
    candor("orders", ORDERS + order(1))
    rows = [
        {"order_id": name, "rating": 5, "body": "Fine", "created_at": "2026-01-02 10:00"}
        for name in ("O\ud800", "O\x00", "O1")
    ]

    code, said, told, _ = candor("reviews", "\n".join(map(json.dumps, rows)))

    assert (code, said) == (1, "1 created, 2 failed")
    assert [line.split(":")[0] for line in told] == ["line 1", "line 2"]


def test_a_file_four_times_as_long_needs_no_more_memory(candor):
    # Every row is remarked upon, with its long number: there are no orders.
    few, many = (
        REVIEWS + "".join(review(f"{number:0150}", 10) for number in range(rows))
        for rows in (10_000, 40_000)
    )

    _, said, _, before = candor("reviews", few)
    assert said == "10000 failed"
    _, said, told, after = candor("reviews", many)
    assert said == "40000 failed"
    assert len([line for line in told if line.startswith("line ")]) == 40_000
    assert after - before < 12

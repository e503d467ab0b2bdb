"""PostgreSQL does not answer during an import: the report says which lines were stored."""

import asyncio
import json
import os
import re
import sys
from itertools import count
from pathlib import Path

import pytest

from tests.fixtures.application import SECRET

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("server_process.py")
ORDERS = (
    "order_id,status,completed_at,customer_id,customer_name,vendor_id,vendor_name,service_id,"
    "service_title\n"
)
REVIEWS = "order_id,rating,body,created_at\n"
ROWS, BATCH = 5, 2
TABLES = {"orders": "orders", "reviews": "review"}


@pytest.fixture
def candor(relay, tmp_path):
    """`candor` in a process of its own: its exit code and output."""

    async def run(*arguments):
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "CANDOR_DATABASE_URL": relay.url,
            "CANDOR_SECRET": SECRET,
            "TEST_CHANGES": json.dumps({"candor.imports.importing.BATCH": BATCH}),
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(SCRIPT), *arguments),
            cwd=tmp_path,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, complained = await asyncio.wait_for(process.communicate(), 60)
        return process.returncode, said.decode().strip(), " ".join(complained.decode().split())

    return run


@pytest.fixture
def file(tmp_path):
    def write(kind, name):
        if kind == "orders":
            row = "{0}-{1},COMPLETED,2026-01-0{1},C{0}{1},Carl,V{0}{1},Vera,S{0}{1},A logo\n"
        else:
            row = "{0}-{1},5,Very good work.,2026-02-0{1}\n"
        path = tmp_path / f"{kind}-{name}.csv"
        header = ORDERS if kind == "orders" else REVIEWS
        rows = (row.format(name, number) for number in range(1, ROWS + 1))
        path.write_text(header + "".join(rows))
        return path

    return write


@pytest.mark.parametrize("kind", TABLES)
async def test_an_import_says_what_is_known_of_which_lines(kind, relay, direct, candor, file):
    names = (f"ORDER{number}" for number in count())

    async def prepared():
        name = next(names)
        if kind == "reviews":
            assert (await candor("import", "orders", str(file("orders", name))))[0] == 0
        return str(file(kind, name))

    async def stored():
        return await direct.fetchval(f"SELECT COUNT(*) FROM {TABLES[kind]}")

    path = await prepared()
    before = relay.passed
    assert await candor("import", kind, path) == (0, f"{ROWS} created", "")
    answers = relay.passed - before

    path = await prepared()
    relay.hold_after(answers - 1, breaks=True)
    assert await candor("import", kind, path) == (0, f"{ROWS} created", "")
    relay.hold_after(None)

    fates = set()
    # Of the last batch, which has one row, the last ones; the very last is of the statistics.
    for lost in (2, 3, 4):
        path, before = await prepared(), await stored()
        relay.hold_after(answers - lost, breaks=True)
        code, said, complained = await candor("import", kind, path)
        relay.hold_after(None)
        kept = await stored() - before
        assert (code, said) == (1, f"{ROWS - 1} created")
        known = re.search(r"Of the lines 6 to 6 (nothing|nobody knows what) was stored", complained)
        fates.add(known[1])
        assert kept >= ROWS - 1
        if known[1] == "nothing":
            assert kept == ROWS - 1
        assert "import the file again" in complained
        code, said, complained = await candor("import", kind, path)
        assert (code, complained) == (0, "")
        assert await stored() - before == ROWS

    assert fates == {"nothing", "nobody knows what"}

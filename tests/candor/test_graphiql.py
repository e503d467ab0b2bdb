"""GraphiQL: the page, its files, and its example operations."""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
from graphql import parse, validate

from candor.engine.cost import cost_of
from candor.http import graphiql
from candor.http.graphiql import examples
from schema.api import schema


@pytest.fixture
def database(sqlite_database) -> str:
    """One database is enough: what is tested here stores nothing."""
    return sqlite_database


VENDOR = Path(graphiql.__file__).parent / "ide" / "vendor"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def addresses(page):
    """Every URL that the page loads, from here or elsewhere."""
    return re.findall(r'(?:src|href)="([^"]+)"', page.text)


async def test_the_page_loads_nothing_from_other_hosts(another):
    async with another() as client:
        page = await client.get("/graphql", headers=BROWSER)
        files = [await client.get(address) for address in addresses(page)]

    assert page.status_code == 200
    assert all(address.startswith("/graphiql/") for address in addresses(page))
    assert [file.status_code for file in files] == [200] * 6
    assert sum(len(file.content) for file in files) > 1_600_000
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self';" in policy
    assert "http" not in policy + page.text


def test_the_files_of_others_are_those_that_the_table_names_each_with_its_licence():
    table = (VENDOR / "README.md").read_text()
    told = re.findall(r"^\| (\S+) \| ([a-z-]+)@\S+.* \| (\S{64}) \|$", table, re.MULTILINE)

    for name, _, digest in told:
        found = hashlib.sha384((VENDOR / name).read_bytes()).digest()
        assert base64.b64encode(found).decode() == digest, name

    licences = {f"LICENSE-{package}" for _, package, _ in told}
    named = {name for name, *_ in told}
    assert {path.name for path in VENDOR.iterdir()} == {"README.md", *named, *licences}


async def test_it_can_be_switched_off(another):
    async with another(graphiql=False) as client:
        page = await client.get("/graphql", headers={"Accept": "text/html"})
        file = await client.get("/graphiql/page.js")

    assert page.status_code == 406
    assert file.status_code == 404


async def test_a_browser_that_sends_a_query_gets_an_answer(client):
    answer = await client.get("/graphql", params={"query": "{ __typename }"}, headers=BROWSER)

    assert answer.json()["data"] == {"__typename": "Query"}


async def test_only_its_own_files_are_served(another):
    async with another() as client:
        for name in ("page.html", "..%2Fapp.py", "examples", "x.js", "README.md", "LICENSE-react"):
            assert (await client.get(f"/graphiql/{name}")).status_code == 404


@pytest.mark.parametrize("name", examples())
def test_an_example_is_valid_and_affordable(name):
    tree = parse(examples()[name])

    assert validate(schema._schema, tree) == []
    for operation in tree.definitions:
        assert cost_of(schema._schema, operation, {}).of({"decisions": [1] * 100}) <= 1_000


async def test_the_tabs_stand_in_the_page_as_harmless_json(client):
    page = (await client.get("/graphql", headers=BROWSER)).text
    tabs = json.loads(re.search(r'id="tabs">(.*?)</script>', page, re.DOTALL)[1])

    assert [tab["query"] for tab in tabs] == list(examples().values())
    assert tabs[0]["headers"] == "{}"
    assert json.loads(tabs[1]["headers"]) == {"Authorization": "Bearer "}

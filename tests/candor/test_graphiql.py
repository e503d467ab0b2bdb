"""GraphiQL: the page, its files, and example operations that work."""

import json
import re

import pytest
from graphql import parse, validate

from candor import assets, graphiql
from candor.assets import ASSETS, NotFetched
from candor.graphiql import examples
from candor.prices import price_of
from schema.api import schema


@pytest.fixture
def database(sqlite_database) -> str:
    """One database is enough: what is tested here stores nothing."""
    return sqlite_database


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def installed(monkeypatch, tmp_path):
    monkeypatch.setattr(assets, "FOLDER", tmp_path)
    monkeypatch.setattr(graphiql, "FOLDER", tmp_path)
    for asset in ASSETS:
        (tmp_path / asset.name).write_text("content")


@pytest.fixture
def missing(monkeypatch, tmp_path):
    monkeypatch.setattr(assets, "FOLDER", tmp_path / "nowhere")


async def test_the_page_asks_no_other_host(installed, another):
    async with another() as client:
        page = await client.get("/graphql", headers=BROWSER)
        addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        files = [(await client.get(address)).status_code for address in addresses]

    assert page.status_code == 200
    assert all(address.startswith("/graphiql/") for address in addresses)
    assert files == [200] * 6
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self';" in policy
    assert "http" not in policy
    assert page.text.count('integrity="sha384-') == 4


async def test_without_the_files_it_comes_from_a_cdn_and_says_so_once(missing, another, caplog):
    async with another() as client:
        page = await client.get("/graphql", headers=BROWSER)
        await client.get("/graphql", headers=BROWSER)

    assert page.text.count(f'src="{assets.CDN}/') == 3
    assert page.text.count('integrity="sha384-') == 4
    assert f"script-src 'self' {assets.CDN}/;" in page.headers["content-security-policy"]
    assert caplog.text.count("comes from a CDN") == 1


async def test_it_can_be_switched_off(installed, another):
    async with another(graphiql=False) as client:
        page = await client.get("/graphql", headers={"Accept": "text/html"})
        file = await client.get("/graphiql/page.js")

    assert page.status_code == 406
    assert file.status_code == 404


async def test_a_browser_that_sends_a_query_gets_an_answer(client):
    answer = await client.get("/graphql", params={"query": "{ __typename }"}, headers=BROWSER)

    assert answer.json()["data"] == {"__typename": "Query"}


async def test_only_its_own_files_are_served(installed, another):
    async with another() as client:
        for name in ("page.html", "..%2Fapp.py", "examples", "x.js"):
            assert (await client.get(f"/graphiql/{name}")).status_code == 404


@pytest.mark.parametrize("name", examples())
def test_an_example_is_valid_and_affordable(name):
    tree = parse(examples()[name])

    assert validate(schema._schema, tree) == []
    for operation in tree.definitions:
        assert price_of(schema._schema, operation, {}).of({"decisions": [1] * 100}) <= 1_000


async def test_the_tabs_stand_in_the_page_as_harmless_json(client):
    page = (await client.get("/graphql", headers=BROWSER)).text
    tabs = json.loads(re.search(r'id="tabs">(.*?)</script>', page, re.DOTALL)[1])

    assert [tab["query"] for tab in tabs] == list(examples().values())
    assert tabs[0]["headers"] == "{}"
    assert json.loads(tabs[1]["headers"]) == {"Authorization": "Bearer "}


def test_a_file_that_is_not_the_locked_one_is_refused(tmp_path):
    import io
    import tarfile

    asset = ASSETS[1]
    with tarfile.open(tmp_path / "react-18.3.1.tgz", "w:gz") as packed:
        info = tarfile.TarInfo(f"package/{asset.path}")
        info.size = 4
        packed.addfile(info, io.BytesIO(b"evil"))

    with pytest.raises(NotFetched, match="is not the file it should be"):
        assets._checked(asset, tmp_path)
    with pytest.raises(NotFetched, match="holds no"):
        assets._checked(ASSETS[0], tmp_path)


def test_a_build_without_npm_goes_on(monkeypatch, tmp_path, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr(assets, "FOLDER", tmp_path)
    monkeypatch.setattr(assets.shutil, "which", lambda _: str(tmp_path / "no-npm"))

    assets.main()

    assert "will come from a CDN" in caplog.text


def test_files_that_are_there_are_not_fetched_again(installed, monkeypatch):
    monkeypatch.setattr(assets, "fetch", lambda: pytest.fail("fetched"))

    assets.main()

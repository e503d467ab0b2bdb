"""The contents of a wheel, built without a network, and that its installation is complete."""

import os
import re
import shutil
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ["candor", "schema", "resolvers", "mailers", "models"]
# What Git ignores, too: the rest of the tree is as in an archive of a tag.
UNKEPT = shutil.ignore_patterns(
    ".git", ".venv*", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis", "*.sqlite3*",
    "dist", "build", "bench.json", "candor-secret", ".coverage*", "htmlcov", ".env",
)  # fmt: skip
BROWSER = {"Accept": "text/html"}


def run(*command, cwd, **variables):
    """Run a command with nothing but the given environment."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(cwd), "PIP_NO_INDEX": "1", **variables}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, check=False, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The tree as in an archive of a tag."""
    return shutil.copytree(ROOT, tmp_path_factory.mktemp("archive") / "candor", ignore=UNKEPT)


def built(tree, folder, kind):
    run(sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder), cwd=tree)
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="module")
def wheel(tree, tmp_path_factory):
    return built(tree, tmp_path_factory.mktemp("wheel"), "wheel")


def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/RECORD")}


def test_a_wheel_holds_every_file_of_the_packages_and_the_licences(tree, wheel):
    kept = {
        str(path.relative_to(tree))
        for package in PACKAGES
        for path in (tree / package).rglob("*")
        if path.is_file()
    }

    held = contents(wheel)

    assert {name for name in held if ".dist-info/" not in name} == kept
    for name in (
        "candor/http/ide/vendor/graphiql.min.js",
        "candor/http/ide/vendor/graphiql.min.css",
        "candor/http/ide/vendor/react.production.min.js",
        "candor/http/ide/vendor/react-dom.production.min.js",
        "candor/http/ide/vendor/LICENSE-graphiql",
        "candor/http/ide/page.html",
        "candor/http/ide/examples/1_storefront.graphql",
        "candor/pages/templates/layout.html",
        "candor/pages/translations/de.po",
        "candor/pages/icon.ico",
        "mailers/letters/templates/layout.html",
        "mailers/letters/translations/de.po",
        "models/migrations/0001_initial.py",
    ):
        assert name in held
    licences = {name.partition("/licenses/")[2] for name in held if "/licenses/" in name}
    assert {"LICENSE", "candor/http/ide/vendor/LICENSE-graphiql"} <= licences


def test_a_wheel_bears_a_name_that_nobody_else_has(wheel):
    assert wheel.name.startswith("candor_reviews-")


def test_a_source_archive_makes_the_same_wheel(tree, wheel, tmp_path):
    archive = built(tree, tmp_path / "sdist", "sdist")
    run("tar", "-xzf", str(archive), cwd=tmp_path)

    again = built(tmp_path / archive.name.removesuffix(".tar.gz"), tmp_path / "again", "wheel")

    assert contents(again) == contents(wheel)


@pytest.fixture
def installed(wheel, tmp_path):
    """Install the wheel into a folder of its own; its requirements are already installed here."""
    target = tmp_path / "installed"
    pip = (sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(target))
    run(*pip, str(wheel), cwd=tmp_path)
    return target


def test_an_installation_renders_every_mail(installed, tmp_path):
    where = run(
        sys.executable, "-P", "-c", "import candor, mailers; print(candor.__file__, mailers.__file__)",
        cwd=tmp_path, PYTHONPATH=str(installed),
    )  # fmt: skip
    assert where.split() == [f"{installed}/{name}/__init__.py" for name in ("candor", "mailers")]

    run(
        str(installed / "bin" / "candor"), "mails", "shown", cwd=tmp_path, PYTHONPATH=str(installed)
    )

    pages = {path.name for path in (tmp_path / "shown").iterdir()}
    assert "index.html" in pages
    assert len(pages) > 12


def test_an_installation_serves_graphiql_and_its_pages_and_asks_no_other_host(installed, tmp_path):
    command = [str(installed / "bin" / "candor"), "serve", "--port", "0"]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(installed)}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            address = re.match(r"Candor answers at (\S+)/graphql ", process.stdout.readline())[1]
            page = fetch(f"{address}/graphql").decode()
            linked = re.findall(r'(?:src|href)="([^"]+)"', page)
            sizes = [len(fetch(address + link)) for link in linked]
            front = fetch(f"{address}/").decode()
        finally:
            process.terminate()

    assert "http://" not in page
    assert "https://" not in page
    assert len(linked) == 6
    assert all(link.startswith("/graphiql/") for link in linked)
    assert sum(sizes) > 1_600_000
    assert "<h1>Candor</h1>" in front


def fetch(url):
    with urllib.request.urlopen(urllib.request.Request(url, headers=BROWSER), timeout=20) as answer:
        return answer.read()


@pytest.mark.parametrize("path", [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], ids=str)
def test_no_document_installs_from_an_index_by_a_name_that_is_not_ours(path):
    for line in path.read_text().splitlines():
        for _, what in re.findall(r"(pipx?|uv tool|uv pip) install ([^`#]*)", line):
            assert re.search(r"git\+https://|\.whl|-r requirements/| \.$", what.rstrip()), line
        assert "candor[" not in line
        assert not re.search(r"\b(uvx|pipx run) ", line)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_message_does_either(package):
    for path in (ROOT / package).rglob("*.py"):
        assert not re.search(r"candor\[|pipx? install", path.read_text()), path

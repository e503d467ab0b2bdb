"""Files, folders and modules that documents name exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("candor", "schema", "resolvers", "mailers", "models", "tests", "docs", "deploy")
# CHANGELOG.md is left out: it is about the past.
DOCUMENTS = [*sorted(ROOT.glob("docs/**/*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
# Documents for developers of Candor must name files.
GUIDES = [
    path
    for path in (
        ROOT / "CONTRIBUTING.md",
        ROOT / "docs/how-to.md",
        ROOT / "docs/how-a-request-is-answered.md",
    )
    if path.exists()
]


def _named(text):
    """Text between backticks that is a path from the root or a file name."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    for name in re.findall(r"`([^`\n]+)`", text):
        if re.fullmatch(rf"(?:{'|'.join(FOLDERS)})/[\w./-]*|[\w-]+\.(?:py|md|po)", name):
            yield name


def _is_there(name):
    """Whether a file, a folder, a module or its member, or any file of this name exists."""
    if "/" not in name:
        return any(path for folder in (ROOT, *map(ROOT.joinpath, FOLDERS)) for path in _files(folder) if path.name == name)  # fmt: skip
    path = ROOT / name
    if path.exists() or path.with_name(f"{path.name}.py").exists():
        return True
    module, _, member = path.name.partition(".")
    file = path.with_name(f"{module}.py")
    return file.exists() and re.search(rf"^(?:async )?(?:def|class) {member}\b", file.read_text(), re.MULTILINE) is not None  # fmt: skip


def _files(folder):
    return folder.glob("*") if folder == ROOT else folder.rglob("*")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_every_file_that_a_document_names_is_there(path):
    assert [name for name in _named(path.read_text()) if not _is_there(name)] == []


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_a_guide_names_files(path):
    assert len(set(_named(path.read_text()))) > 5


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_every_link_to_a_file_or_a_heading_leads_there(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, heading = target.partition("#")
        target_path = (path.parent / file).resolve() if file else path
        assert target_path.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.+)$", target_path.read_text(), re.MULTILINE)
            assert heading in {_anchor(each) for each in headings}, target


def _anchor(heading):
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_every_recipe_of_the_how_to_is_numbered_and_names_files():
    recipes = re.split(r"^## ", (ROOT / "docs/how-to.md").read_text(), flags=re.MULTILINE)[1:]

    assert [recipe.splitlines()[0] for recipe in recipes] == [
        "Add a field",
        "Add a filter",
        "Add a mail",
        "Add a notification",
        "Make a migration",
        "Add an error code",
    ]
    for recipe in recipes:
        assert re.search(r"^1\. ", recipe, re.MULTILINE)
        assert len(set(_named(recipe))) >= 3


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("resolvers/reviews.py", True),
        ("resolvers/reviews", True),
        ("resolvers/reviews.create_review", True),
        ("resolvers/reviews.nothing", False),
        ("resolvers/no_such_room.py", False),
        ("candor/http/", True),
        ("candor/nowhere/", False),
        ("de.po", True),
        ("gone.py", False),
    ],
)
def test_a_name_of_what_is_gone_is_found(name, there):
    assert [*_named(f"See `{name}`.")] == [name]
    assert _is_there(name) is there

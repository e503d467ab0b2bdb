"""Rules of the code base: directions of imports, names, descriptions, the printed schema."""

import ast
import re
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType

from candor.settings import known_names
from resolvers.errors import Refusal
from schema.api import printed, schema
from schema.errors import ErrorCode

ROOT = Path(__file__).parent.parent
# Each package and those that it may import. Of `mailers` others import only the package itself.
ARROWS = {
    "models": set(),
    "mailers": {"models"},
    "resolvers": {"mailers", "models"},
    "schema": {"resolvers", "models"},
    "candor": {"schema", "resolvers", "mailers", "models"},
}

# The rooms of a package, bottom up: each, and those that it may import. "" is the top folder, whose
# files every room may import; "door" are files there that import rooms themselves.
ROOMS = {
    "candor": {
        "": set(),
        "settings": set(),
        "operating": {"settings"},
        "callers": {"settings"},
        "engine/fast": {"settings"},
        "engine": {"engine/fast", "callers", "operating", "settings"},
        "http": {"engine", "callers", "operating", "settings"},
        "server": {"http", "callers", "settings"},
        "pages": {"http", "callers", "settings"},
        "door": {"http", "pages", "operating", "callers", "settings"},
        "imports": set(),
        "commands": {"door", "server", "imports", "operating", "callers", "settings"},
    },
    "mailers": {
        "": set(),
        "outbox": set(),
        "smtp": set(),
        "letters": {"outbox"},
        "worker": {"letters", "outbox", "smtp"},
        "door": {"letters", "outbox"},
    },
}
DOORS = {"candor/app.py", "candor/mail_worker.py", "mailers/__init__.py"}
# Imported inside functions, with the reason beside the import.
LATE = {("candor/callers/budgets.py", "candor.callers.redis_budgets")}


def _files(package):
    return [path for path in (ROOT / package).rglob("*.py") if "__pycache__" not in path.parts]


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module


@pytest.mark.parametrize("package", ARROWS)
def test_imports_point_downwards_only(package):
    for path in _files(package):
        for name in _imports(path):
            top = name.partition(".")[0]
            if top in ARROWS.keys() - {package}:
                assert top in ARROWS[package], f"{path} imports {name}"
            if package == "resolvers" and top == "mailers":
                assert name == "mailers", f"{path} goes behind the door: {name}"


def _modules():
    """Every module of ours by its dotted name."""
    by_name = {}
    for package in ARROWS:
        for path in _files(package):
            parts = path.relative_to(ROOT).with_suffix("").parts
            by_name[".".join(parts[:-1] if path.stem == "__init__" else parts)] = path
    return by_name


def _known(path, modules):
    """The modules of ours that a file imports, except for type checking only."""
    tree = ast.parse(path.read_text())
    types = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    unloaded = {id(inner) for node in types for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and id(node) not in unloaded:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                if name in modules or node.module in modules:
                    yield name if name in modules else node.module


def _room(path):
    """The package and the innermost listed room of a file."""
    where = path.relative_to(ROOT)
    if where.as_posix() in DOORS:
        return where.parts[0], "door"
    rooms = ROOMS[where.parts[0]]
    return where.parts[0], next(
        "/".join(where.parts[1:depth])
        for depth in range(len(where.parts) - 1, 0, -1)
        if "/".join(where.parts[1:depth]) in rooms
    )


@pytest.mark.parametrize("package", ROOMS)
def test_rooms_know_only_rooms_below_them(package):
    modules = _modules()
    for path in _files(package):
        _, room = _room(path)
        for name in _known(path, modules):
            if name.partition(".")[0] != package:
                continue
            _, other = _room(modules[name])
            if name == package:  # its version
                continue
            assert other in ROOMS[package][room] | {room, ""}, f"{path} imports {name}"


@pytest.mark.parametrize("package", ROOMS)
def test_every_folder_is_a_room_with_arrows_that_run_downwards(package):
    rooms = list(ROOMS[package])
    folders = {path.parent.relative_to(ROOT / package).as_posix() for path in _files(package)}

    assert {
        folder
        for folder in folders
        if not any(
            folder == room or folder.startswith(f"{room}/") for room in [".", *filter(None, rooms)]
        )
    } == set()
    for room, known in ROOMS[package].items():
        assert known <= set(rooms[: rooms.index(room)]), room


def test_modules_know_each_other_in_no_circle():
    modules = _modules()
    known = {name: set(_known(path, modules)) - {name} for name, path in modules.items()}
    while ground := {name for name, others in known.items() if not others}:
        known = {name: others - ground for name, others in known.items() if name not in ground}

    assert known == {}


def test_nothing_is_imported_inside_of_a_function_without_a_reason():
    late = set()
    for package in ARROWS:
        for path in _files(package):
            lines = path.read_text().splitlines()
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    for inner in ast.walk(node):
                        if isinstance(inner, ast.Import | ast.ImportFrom):
                            assert re.search(r"# noqa: PLC0415 - \w+", lines[inner.lineno - 1]), (
                                path
                            )
                            late.add((path.relative_to(ROOT).as_posix(), inner.module))

    assert late == LATE


@pytest.mark.parametrize("package", ["models", "mailers", "resolvers", "schema"])
def test_the_environment_is_read_in_candor_alone(package):
    for path in _files(package):
        used = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}  # fmt: skip
        assert not used & {"environ", "getenv", "environb"}, path


@pytest.mark.parametrize("package", ARROWS)
def test_files_are_nouns_and_have_one_sentence_at_their_head(package):
    forbidden = {"utils", "util", "helpers", "helper", "base", "common", "manager", "misc", "tools", "service_layer"}  # fmt: skip
    for path in _files(package):
        assert path.stem not in forbidden
        assert re.fullmatch(r"__init__|\d{4}_[a-z0-9_]+|[a-z][a-z0-9_]*", path.stem), path
        assert path.parent.name == "migrations" or ast.get_docstring(ast.parse(path.read_text())), path  # fmt: skip


def test_no_package_of_somebody_else_has_a_name_of_ours():
    distributions = packages_distributions()

    for package in ARROWS:
        assert set(distributions.get(package, [])) <= {"candor-reviews"}


@pytest.mark.parametrize("package", ["models", "mailers", "resolvers"])
def test_no_name_of_the_schema_is_known_below_it(package):
    """Paths of errors are in snake case; only `schema.errors` converts them."""
    for path in _files(package):
        texts = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant) and isinstance(node.value, str)}  # fmt: skip
        assert {text for text in texts if re.fullmatch(r"[a-z]+([A-Z][a-z]+)+", text)} == set(), (
            path
        )


def _subclasses(cls):
    for subclass in cls.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def test_every_refusal_has_a_code_of_the_schema_and_every_code_has_a_refusal():
    refusals = list(_subclasses(Refusal))

    assert all(refusal.__doc__ and "code" in vars(refusal) for refusal in refusals)
    assert {refusal.code for refusal in refusals} == {code.value for code in ErrorCode}


def test_everything_in_the_schema_is_described():
    bare = []
    for name, type_ in schema._schema.type_map.items():
        if name.startswith("__") or name in {"String", "Int", "Float", "Boolean", "ID"}:
            continue
        if not type_.description:
            bare.append(name)
        if isinstance(type_, GraphQLEnumType):
            bare += [f"{name}.{value}" for value, v in type_.values.items() if not v.description]
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for field_name, field in type_.fields.items():
                if not field.description:
                    bare.append(f"{name}.{field_name}")
                arguments = getattr(field, "args", {})
                bare += [f"{name}.{field_name}({a})" for a, v in arguments.items() if not v.description]  # fmt: skip

    assert bare == []


def test_the_printed_schema_is_the_schema():
    assert (ROOT / "schema.graphql").read_text() == printed() + "\n"


def test_the_example_of_the_environment_names_every_setting():
    example = (ROOT / ".env.example").read_text()

    assert set(re.findall(r"^# (CANDOR_[A-Z_]+)=", example, re.MULTILINE)) == known_names()


def test_no_document_names_a_setting_that_is_none():
    documents = [ROOT / "README.md", ROOT / "Makefile", *(ROOT / "docs").rglob("*.md")]
    named = {
        name for path in documents for name in re.findall(r"\bCANDOR_[A-Z_]+\b", path.read_text())
    }

    assert "CANDOR_SECRET" in named
    assert {name for name in named - known_names() if not name.startswith("CANDOR_TEST_")} == set()

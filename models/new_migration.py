"""Write the migration from the last one to the models as they are now."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tortoise.context import TortoiseContext
from tortoise.fields import Field
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.operations import (
    AddConstraint,
    AddField,
    AddIndex,
    CreateModel,
    Operation,
    TortoiseOperation,
)
from tortoise.migrations.writer import MigrationWriter, format_migration_name

from models.database import configuration

# Never opened: models and migrations are compared in memory.
_NO_DATABASE = "sqlite://:memory:"


class WouldFail(Exception):
    """A migration of these models would fail, or lose an index on SQLite."""


@dataclass(frozen=True)
class NewMigration:
    path: Path
    # One line for each operation.
    steps: list[str]


async def write_migration(about: str) -> NewMigration | None:
    """Write the next migration; None when the models have not changed since the last one.

    `about` says in a few words what it does, for the file's name and its first line. If WouldFail
    is raised, nothing was written.
    """
    config = configuration(_NO_DATABASE)
    async with TortoiseContext() as context:
        await context.init(config=config)
        if context.apps is None:
            raise RuntimeError("Tortoise found no models")
        writers = await MigrationAutodetector(context.apps, config["apps"]).changes()
    if not writers:
        return None
    [writer] = writers
    problems = [problem for operation in writer.operations for problem in _problems(operation)]
    if problems:
        raise WouldFail("\n".join(problems))
    writer.operations = _with_constraints_apart(writer.operations)
    number = int(writer.name.partition("_")[0])
    writer.name = format_migration_name(number, about)
    _write(writer, about)
    return NewMigration(writer.path(), [_step(each) for each in writer.operations])


def _problems(operation: Operation) -> Iterator[str]:
    if isinstance(operation, AddField) and isinstance(operation.field, Field):
        field, name = operation.field, f"{operation.model_name}.{operation.name}"
        if not (field.null or field.has_db_default()):
            yield f"{name}: existing rows have no value. Give it null=True or a db_default."
        if field.unique:
            yield f"{name}: declare its uniqueness in models/indexes.py, not on the field."
        elif field.index:
            yield f"{name}: declare its index in models/indexes.py, not on the field."
    elif isinstance(operation, AddIndex):
        yield f"{operation.model_name}: declare its indexes in models/indexes.py, not in Meta."
    elif isinstance(operation, CreateModel) and (operation.options or {}).get("indexes"):
        yield f"{operation.name}: declare its indexes in models/indexes.py, not in Meta."


def _with_constraints_apart(operations: list[Operation]) -> list[Operation]:
    """Add a new table's constraints in steps of their own: Tortoise's CreateModel omits them."""
    constraints: list[Operation] = []
    for operation in operations:
        if isinstance(operation, CreateModel) and operation.options:
            added = operation.options.get("constraints", ())
            operation.options = {k: v for k, v in operation.options.items() if k != "constraints"}
            constraints += [AddConstraint(operation.name, constraint) for constraint in added]
    return [*operations, *constraints]


def _write(writer: MigrationWriter, about: str) -> None:
    head = f'"""{about[:1].upper()}{about[1:].rstrip(".")}."""\n\n'
    writer.path().write_text(head + writer.as_string(), "utf-8")


def _step(operation: Operation) -> str:
    if isinstance(operation, AddConstraint):
        return f"{operation.describe()}: {operation.constraint.name}"
    return operation.describe() if isinstance(operation, TortoiseOperation) else str(operation)

"""`candor settings`: reads and changes the site's settings, which are in the database."""

import json
import shlex
from difflib import get_close_matches
from typing import Any

import click
from graphql import (
    GraphQLInputObjectType,
    get_named_type,
    get_nullable_type,
    is_input_object_type,
    is_list_type,
)

from candor.commands.environment import run_in_database
from models.database import transaction
from resolvers.viewer import Role, Viewer
from schema.api import schema
from schema.context import Context

OPERATOR = Viewer(Role.ADMIN, external_id="command line")
_INPUT: Any = schema._schema.type_map["UpdateSettingsInput"]
_JSON = {"Int", "Float", "Boolean"}


class _RolledBack(Exception):
    """Raised to roll a trial change back."""


@click.group(name="settings", invoke_without_command=True)
@click.pass_context
def settings_(context: click.Context) -> None:
    """The site's settings in the database: its name and address, window, moderation, mails.

    Their names and allowed values are those of the mutation updateSettings.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_)


@settings_.command(name="list")
def list_() -> None:
    """Print all of them as NAME=VALUE, quoted for a shell."""
    _print(run_in_database(_read()), list(_INPUT.fields))


@settings_.command()
@click.argument("name")
def get(name: str) -> None:
    """Print the value of one, as `set` takes it."""
    click.echo(_text(run_in_database(_read())[_checked_name(name)]))


@settings_.command(name="set")
@click.argument("pairs", nargs=-1, required=True, metavar="NAME=VALUE…")
def set_(pairs: tuple[str, ...]) -> None:
    """Change several at once, or none of them. NAME= without a value clears a setting.

    Write numbers, true and false as they are, and lists as JSON.
    """
    given: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise click.UsageError(f"{pair!r} is not of the form NAME=VALUE.")
        if name in given:
            raise click.UsageError(f"{name} is given twice.")
        given[name] = _value(_INPUT.fields[_checked_name(name)].type, text)
    _print(run_in_database(_change(given)), list(given))


def _checked_name(name: str) -> str:
    if name not in _INPUT.fields:
        near = get_close_matches(name, _INPUT.fields, n=1, cutoff=0)
        raise click.UsageError(f"There is no setting {name}. The nearest is {near[0]}.")
    return name


def _print(values: dict[str, Any], names: list[str]) -> None:
    for name in names:
        click.echo(f"{name}={shlex.quote(_text(values[name]))}")


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _value(type_: Any, text: str) -> Any:
    """The value of a text for a type. Invalid text is passed on, for the mutation to refuse."""
    if not is_list_type(get_nullable_type(type_)) and get_named_type(type_).name not in _JSON:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


async def _read() -> dict[str, Any]:
    result = await schema.execute(
        f"{{ settings {_selection(_INPUT)} }}", context_value=Context(OPERATOR)
    )
    if result.errors or result.data is None:
        raise click.ClickException(f"The settings cannot be read: {result.errors}")
    values: dict[str, Any] = result.data["settings"]
    return values


async def _change(given: dict[str, Any]) -> dict[str, Any]:
    """The settings after a change. Each is tried alone first, so that all errors are reported."""
    errors = [each for name, value in given.items() for each in await _try_one(name, value)]
    errors = errors or await _update(given)
    if errors:
        raise click.ClickException("\n".join(errors))
    return await _read()


async def _try_one(name: str, value: Any) -> list[str]:
    try:
        async with transaction():
            errors = await _update({name: value})
            raise _RolledBack  # noqa: TRY301 - the way to roll back
    except _RolledBack:
        return errors


async def _update(given: dict[str, Any]) -> list[str]:
    """Change these settings; returns the errors, if any."""
    result = await schema.execute(
        "mutation($input: UpdateSettingsInput!)"
        " { updateSettings(input: $input) { errors { field message } } }",
        variable_values={"input": given},
        context_value=Context(OPERATOR),
    )
    if result.errors or result.data is None:
        # graphql-core puts the location before the reason.
        reasons = [error.message.split("; ", 1)[-1] for error in result.errors or ()]
        return [f"{', '.join(given)}: {reason}" for reason in reasons]
    refused = result.data["updateSettings"]["errors"]
    return [f"{'.'.join((each['field'] or ['input'])[1:])}: {each['message']}" for each in refused]


def _selection(input_: GraphQLInputObjectType) -> str:
    """The selection that reads every field of an input."""
    parts = []
    for name, field in input_.fields.items():
        of = get_named_type(field.type)
        parts.append(f"{name} {_selection(of)}" if is_input_object_type(of) else name)
    return f"{{ {' '.join(parts)} }}"

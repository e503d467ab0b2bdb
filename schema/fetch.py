"""Registry of types: how rows are fetched by ids and presented as nodes.

Types refer to each other (an order to its review, a review to its order), so they find each
other's presenters by the type's name instead of importing them.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from resolvers.viewer import Viewer
from schema.context import Context
from schema.selection import Selection

# Applies the same condition of visibility as every list.
ByIds = Callable[[Viewer, Collection[UUID]], Awaitable[Mapping[UUID, Any]]]
Present = Callable[[Context, Sequence[Any], Selection], Awaitable[Sequence[Any]]]

_TYPES: dict[str, tuple[ByIds, Present]] = {}


def presenter(type_name: str, by_ids: ByIds) -> Callable[[Present], Present]:
    """Register the presenter of a type, with the function that fetches its rows by ids."""

    def register(present: Present) -> Present:
        _TYPES[type_name] = by_ids, present
        return present

    return register


async def present(
    context: Context, type_name: str, rows: Sequence[Any], selection: Selection
) -> Sequence[Any]:
    """Rows as nodes, with everything selected below them, in a constant number of statements."""
    _, present = _TYPES[type_name]
    return await present(context, rows, selection)


async def present_one(context: Context, type_name: str, row: Any, selection: Selection) -> Any:
    return (await present(context, type_name, [row], selection))[0]


async def present_by_id(
    context: Context, type_name: str, rows: Collection[Any], selection: Selection
) -> dict[UUID, Any]:
    """The nodes by the ids of their rows."""
    nodes = await present(context, type_name, list(rows), selection)
    return dict(zip((row.id for row in rows), nodes, strict=True))


async def fetch(
    context: Context, keys: Sequence[tuple[str, UUID]], selection: Selection
) -> list[Any]:
    """Nodes of any types, in the order of their keys; None for what the viewer may not see."""
    nodes_by_key: dict[tuple[str, UUID], Any] = {}
    for type_name in {name for name, _ in keys} & _TYPES.keys():
        by_ids, _ = _TYPES[type_name]
        rows = await by_ids(context.viewer, {key for name, key in keys if name == type_name})
        nodes = await present_by_id(context, type_name, rows.values(), selection)
        nodes_by_key |= {(type_name, key): node for key, node in nodes.items()}
    return [nodes_by_key.get(key) for key in keys]


async def fetch_one(context: Context, type_name: str, key: UUID, selection: Selection) -> Any:
    """One node; None when the viewer may not see it."""
    return (await fetch(context, [(type_name, key)], selection))[0]

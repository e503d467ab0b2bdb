"""How every mutation is declared: one input, one act, one payload, refusals as data."""

import dataclasses
import inspect
from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Annotated, Any

import strawberry
from strawberry import UNSET, Info

from models.outcome import retry_once, watched
from models.unavailable import Unavailable
from resolvers import errors, outages
from schema.context import Context
from schema.errors import UserError
from schema.fetch import present_one
from schema.mutation_looks import LOOKS, REPEATABLE
from schema.references import read
from schema.selection import selected

Input = strawberry.argument(description="What to do it with.")

_KEYED = "Ask again with the same idempotencyKey, and it is done once."
_REPEATABLE = "Send it again: what was stored already changes nothing."


def mutation(
    description: str,
    *,
    input: type,
    may: Callable[..., None],
    act: Callable[..., Awaitable[Any]],
    payload: Any,
) -> Any:
    """A mutation that does `act(viewer, **input)` and answers `payload.of(info, what it gave)`.

    Its refusals stand in the payload's `errors`, with nothing else in it. Whom it is not for, `may`
    says so before ids are read: it gets the viewer, and what it names of the input. When nobody
    knows what was stored, the error says what to do.
    """
    _must_fit(input, may, act)

    async def resolve(info: Info[Context, None], input: Any) -> Any:
        return await payload.of(info, await act(info.context.viewer, **read(input)))

    resolve.__annotations__ |= {"input": Annotated[input, Input], "return": payload}
    return mutation_by(payload, may, description)(resolve)


def mutation_by(payload: type, may: Callable[..., None], description: str) -> Any:
    """The same, of a mutation with a resolver of its own."""
    _, *concerns = inspect.signature(may).parameters

    def declared(resolver: Callable[..., Awaitable[Any]]) -> Any:
        @wraps(resolver)
        async def answer(*args: Any, **kwargs: Any) -> Any:
            info, asked = kwargs["info"], kwargs["input"]
            with watched(_advice(info.field_name, asked)):
                try:
                    given = {name: getattr(asked, name) for name in concerns}
                    may(info.context.viewer, **given)
                    return await retry_once(partial(resolver, *args, **kwargs))
                except errors.UserError as refused:
                    return payload(errors=[UserError.of(each) for each in refused.all])
                except Unavailable as trouble:
                    raise outages.refused(trouble) from trouble

        return strawberry.mutation(description=description)(answer)

    return declared


def _advice(mutation: str, input: Any) -> str:
    """What to do when the outcome is unknown."""
    if getattr(input, "idempotency_key", None) is not None:
        return _KEYED
    return (
        _REPEATABLE if mutation in REPEATABLE else f"Look before you ask again: {LOOKS[mutation]}"
    )


async def shown(info: Info[Context, None], type_name: str, row: Any) -> Any:
    """A row as the thing in the payload that has its type's name."""
    name = type_name[0].lower() + type_name[1:]
    return await present_one(info.context, type_name, row, selected(info).below(name))


def _must_fit(input: type, may: Callable[..., None], act: Callable[..., Any]) -> None:
    """Raises TypeError unless the act takes what is given, and both are given what they need."""
    fields = dataclasses.fields(input)
    _, *concerns = inspect.signature(may).parameters
    if missing := set(concerns) - {field.name for field in fields}:
        raise TypeError(f"{input.__name__} does not give {missing} to {may}.")
    if hasattr(input, "given"):
        return
    _, *taken = inspect.signature(act).parameters.values()
    unknown = {field.name for field in fields} - {each.name for each in taken}
    if unknown and not any(each.kind is each.VAR_KEYWORD for each in taken):
        raise TypeError(f"{act} does not take {unknown} of {input.__name__}.")
    always = {field.name for field in fields if field.default is not UNSET}
    needed = {
        each.name for each in taken if each.kind is each.KEYWORD_ONLY and each.default is each.empty
    }
    if needed - always:
        raise TypeError(f"{input.__name__} does not always give {needed - always} to {act}.")

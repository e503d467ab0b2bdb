"""How every mutation is declared: an input, a right, a resolver, a payload; refusals as data."""

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
from schema.outcome_queries import OUTCOME_QUERIES, REPEATABLE
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
    """A mutation that calls `act(viewer, **input)` and returns `payload.of(info, result)`.

    A refusal becomes a payload with nothing but `errors`. `may` checks the viewer's right before
    ids are decoded; it is called with the viewer and those fields of the input that it names.
    When the outcome is unknown, the error says what to do.
    """
    _check_signatures(input, may, act)

    async def resolve(info: Info[Context, None], input: Any) -> Any:
        return await payload.of(info, await act(info.context.viewer, **read(input)))

    resolve.__annotations__ |= {"input": Annotated[input, Input], "return": payload}
    return mutation_by(payload, may, description)(resolve)


def mutation_by(payload: type, may: Callable[..., None], description: str) -> Any:
    """The same for a mutation with a resolver of its own, as a decorator."""
    _, *rights_arguments = inspect.signature(may).parameters

    def declared(resolver: Callable[..., Awaitable[Any]]) -> Any:
        @wraps(resolver)
        async def answer(*args: Any, **kwargs: Any) -> Any:
            info, input_ = kwargs["info"], kwargs["input"]
            with watched(_advice(info.field_name, input_)):
                try:
                    given = {name: getattr(input_, name) for name in rights_arguments}
                    may(info.context.viewer, **given)
                    return await retry_once(partial(resolver, *args, **kwargs))
                except errors.Refusal as refusal:
                    return payload(errors=[UserError.of(each) for each in refusal.all])
                except Unavailable as outage:
                    raise outages.refusal_of(outage) from outage

        return strawberry.mutation(description=description)(answer)

    return declared


def _advice(mutation: str, input: Any) -> str:
    """What the client should do when the outcome is unknown."""
    if getattr(input, "idempotency_key", None) is not None:
        return _KEYED
    return (
        _REPEATABLE
        if mutation in REPEATABLE
        else f"Look before you ask again: {OUTCOME_QUERIES[mutation]}"
    )


async def present_in_payload(info: Info[Context, None], type_name: str, row: Any) -> Any:
    """Present a row by what is selected of the payload's field that is named after the type."""
    name = type_name[0].lower() + type_name[1:]
    return await present_one(info.context, type_name, row, selected(info).below(name))


def _check_signatures(input: type, may: Callable[..., None], act: Callable[..., Any]) -> None:
    """Raises TypeError unless the input has all that `may` and `act` need, and `act` takes it."""
    fields = dataclasses.fields(input)
    _, *rights_arguments = inspect.signature(may).parameters
    if missing := set(rights_arguments) - {field.name for field in fields}:
        raise TypeError(f"{input.__name__} does not give {missing} to {may}.")
    if hasattr(input, "given"):
        return
    _, *act_parameters = inspect.signature(act).parameters.values()
    unknown = {field.name for field in fields} - {each.name for each in act_parameters}
    if unknown and not any(each.kind is each.VAR_KEYWORD for each in act_parameters):
        raise TypeError(f"{act} does not take {unknown} of {input.__name__}.")
    always_given = {field.name for field in fields if field.default is not UNSET}
    required = {
        each.name
        for each in act_parameters
        if each.kind is each.KEYWORD_ONLY and each.default is each.empty
    }
    if required - always_given:
        raise TypeError(
            f"{input.__name__} does not always give {required - always_given} to {act}."
        )

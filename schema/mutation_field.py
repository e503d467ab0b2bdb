"""How every mutation is declared: one input, one payload, refusals as data."""

from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Any

import strawberry
from strawberry.utils.str_converters import to_camel_case

from models.outcome import once_more, watched
from models.unavailable import Unavailable
from resolvers import errors, outages
from resolvers.viewer import Viewer
from schema.errors import UserError
from schema.mutation_looks import LOOKS, REPEATABLE

Input = strawberry.argument(description="What to do it with.")

_KEYED = "Ask again with the same idempotencyKey, and it is done once."
_REPEATABLE = "Send it again: what was stored already changes nothing."


def mutation(payload: type, may: Callable[[Viewer], None], description: str) -> Any:
    """A mutation whose refusals stand in the payload's `errors`, with nothing else in it.

    Whom it is not for, `may` tells so before anything of the input is read. When nobody knows what
    was stored of it, the refusal says what to do.
    """

    def declared(resolver: Callable[..., Awaitable[Any]]) -> Any:
        name = to_camel_case(resolver.__name__)
        look = f"Look before you ask again: {LOOKS[name]}"
        advice = _REPEATABLE if name in REPEATABLE else look

        @wraps(resolver)
        async def answer(*args: Any, **kwargs: Any) -> Any:
            has_key = getattr(kwargs["input"], "idempotency_key", None) is not None
            with watched(_KEYED if has_key else advice):
                try:
                    may(kwargs["info"].context.viewer)
                    return await once_more(partial(resolver, *args, **kwargs))
                except errors.UserError as refused:
                    return payload(errors=[UserError.of(each) for each in refused.all])
                except Unavailable as trouble:
                    raise outages.refused(trouble) from trouble

        return strawberry.mutation(description=description)(answer)

    return declared

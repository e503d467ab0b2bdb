"""How every mutation is declared: one input, one payload, refusals as data."""

from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Any

import strawberry

from models.outcome import once_more
from resolvers import errors
from resolvers.viewer import Viewer
from schema.errors import UserError

Input = strawberry.argument(description="What to do it with.")


def mutation(payload: type, may: Callable[[Viewer], None], description: str) -> Any:
    """A mutation whose refusals stand in the payload's `errors`, with nothing else in it.

    Whom it is not for, `may` tells so before anything of the input is read.
    """

    def declared(resolver: Callable[..., Awaitable[Any]]) -> Any:
        @wraps(resolver)
        async def answer(*args: Any, **kwargs: Any) -> Any:
            try:
                may(kwargs["info"].context.viewer)
                return await once_more(partial(resolver, *args, **kwargs))
            except errors.UserError as refused:
                return payload(errors=[UserError.of(each) for each in refused.all])

        return strawberry.mutation(description=description)(answer)

    return declared

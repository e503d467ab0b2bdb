"""How every mutation is declared: one input, one payload, refusals as data."""

from typing import Any

import strawberry

from schema.errors import ReportsUserErrors

Input = strawberry.argument(description="What to do it with.")


def mutation(payload: type, description: str) -> Any:
    """A mutation whose refusals stand in the payload's `errors`."""
    return strawberry.mutation(description=description, extensions=[ReportsUserErrors(payload)])

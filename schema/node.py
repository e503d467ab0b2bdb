"""The interface `Node`, and how clients refer to nodes."""

from typing import Annotated

import strawberry

from resolvers.ref import Ref
from schema import ids

Id = Annotated[strawberry.ID, strawberry.argument(description="An id of this API.")]


@strawberry.interface(description="A thing with an id of its own, to be fetched again by `node`.")
class Node:
    id: strawberry.ID = strawberry.field(
        description="Opaque, stable, unique over all types of this API."
    )


@strawberry.input(
    one_of=True,
    description=(
        "A thing, named by this API's own id or by the id that the marketplace gave it."
        " Exactly one of the two."
    ),
)
class NodeRef:
    id: strawberry.ID | None = strawberry.field(
        description="The id of this API.", default=strawberry.UNSET
    )
    external_id: str | None = strawberry.field(
        description="The id that the marketplace gave it.", default=strawberry.UNSET
    )

    def as_ref(self, type_name: str, *field: str) -> Ref:
        """What resolvers take. Raises Invalid for an id of another type."""
        if self.id is not strawberry.UNSET and self.id is not None:
            return Ref(id=ids.key_of(type_name, self.id, *field, "id"))
        return by_external_id(self.external_id)


def by_external_id(name: str | None) -> Ref:
    """A reference by the marketplace's id.

    PostgreSQL rejects NUL, which no id contains: such an id becomes the empty one, which matches
    nothing.
    """
    return Ref(external_id="" if not name or "\x00" in name else name)


def maybe_ref(ref: NodeRef | None, type_name: str, *field: str) -> Ref | None:
    """`as_ref` of an input that may be absent or null."""
    return ref.as_ref(type_name, *field) if ref else None

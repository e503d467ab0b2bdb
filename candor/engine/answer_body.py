"""The body of an answer, as JSON once for all to whom it is sent."""

from functools import cached_property
from typing import Any

import orjson


class Body(dict[str, Any]):
    """`data`, `errors` and `extensions`, as GraphQL over HTTP names them."""

    @cached_property
    def octets(self) -> bytes:
        """The body as JSON. It does not change any more."""
        return orjson.dumps(self)

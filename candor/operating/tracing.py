"""One OpenTelemetry span per operation; a hook on every field would cost more than the fields."""

from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any

from candor.operating.metrics import Observation


class Tracer:
    """Traces operations. The exporter is set up by OTEL_* variables."""

    def __init__(self) -> None:
        self._tracer: Any = import_module("opentelemetry.trace").get_tracer("candor")

    def span(self, observation: Observation) -> AbstractContextManager[Any]:
        attributes = {
            "graphql.operation.type": observation.kind,
            "graphql.operation.name": observation.name,
            "candor.cost": observation.cost,
        }
        return self._tracer.start_as_current_span(  # type: ignore[no-any-return]
            f"graphql {observation.kind}", attributes=attributes
        )

"""The one place where operations are executed."""

from collections.abc import AsyncIterator
from inspect import isawaitable
from typing import Any

from graphql import ExecutionResult, execute, subscribe
from strawberry.execution import optimized_is_awaitable

from candor.compiled import CompiledExecutor
from candor.documents import Operation
from schema.api import schema
from schema.context import Context


class Execution:
    """Executes operations of the schema, by compiled completion or as graphql-core does it."""

    def __init__(self, *, compiled: bool) -> None:
        self._executor = CompiledExecutor if compiled else schema.execution_context_class

    async def execute(
        self, operation: Operation, variables: dict[str, Any] | None, context: Context
    ) -> ExecutionResult:
        """The result of a query or mutation. Errors stand in it; only cancellation is raised."""
        result = execute(
            schema._schema,
            operation.tree,
            context_value=context,
            variable_values=variables,
            operation_name=operation.name,
            executor_class=self._executor,
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]
            hide_suggestions=True,
            operation_extensions=None,
        )
        return await result if isawaitable(result) else result

    async def subscribe(
        self, operation: Operation, variables: dict[str, Any] | None, context: Context
    ) -> AsyncIterator[ExecutionResult] | ExecutionResult:
        """The results of a subscription as they come, or why there are none."""
        result = subscribe(
            schema._schema,
            operation.tree,
            context_value=context,
            variable_values=variables,
            operation_name=operation.name,
            executor_class=schema.execution_context_class,
            hide_suggestions=True,
            operation_extensions=None,
        )
        return await result if isawaitable(result) else result

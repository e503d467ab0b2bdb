"""The one place where operations are executed."""

from collections.abc import AsyncIterator
from inspect import isawaitable
from typing import Any

from graphql import (
    ExecutionResult,
    default_field_resolver,
    default_type_resolver,
    get_variable_values,
    subscribe,
)
from strawberry.execution import optimized_is_awaitable

from candor.compiled import CompiledExecutor
from candor.documents import Operation
from schema.api import schema
from schema.context import Context


# So many of a request's variables are told to be wrong.
MAX_ERRORS = 50


class Execution:
    """Executes operations of the schema, by compiled completion or as graphql-core does it."""

    def __init__(self, *, compiled: bool) -> None:
        self._executor = CompiledExecutor if compiled else schema.execution_context_class

    async def execute(
        self, operation: Operation, variables: dict[str, Any] | None, context: Context
    ) -> ExecutionResult:
        """The result of a query or mutation. Errors stand in it; only cancellation is raised."""
        given = get_variable_values(
            schema._schema,
            operation.node.variable_definitions or (),
            variables or {},
            max_errors=MAX_ERRORS,
            hide_suggestions=True,
        )
        if isinstance(given, list):
            return ExecutionResult(None, given)
        # As graphql-core's `execute` would build it, which looks through the document each time.
        executor = self._executor(
            schema._schema,
            operation.fragments,
            operation.fragment_details,
            None,
            context,
            operation.node,
            given,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            is_awaitable=optimized_is_awaitable,
            hide_suggestions=True,
        )
        result: Any = executor.execute_operation()
        return await result if isawaitable(result) else result  # type: ignore[no-any-return]

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

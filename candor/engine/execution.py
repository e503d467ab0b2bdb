"""The one place where operations are executed."""

from collections.abc import AsyncIterator, Awaitable
from inspect import isawaitable
from typing import Any

from graphql import (
    ExecutionResult,
    default_field_resolver,
    default_type_resolver,
    execute,
    subscribe,
)
from graphql.execution import VariableValues
from strawberry.execution import optimized_is_awaitable

from candor.engine.documents import Operation
from candor.engine.fast.answer_length import Length, MeasuredExecutor
from candor.engine.fast.executor import CompiledExecutor
from candor.engine.fast.rows.answer import Straight, straight_of
from candor.engine.fast.variables import coerced
from schema.api import schema
from schema.context import Context


class Execution:
    """Executes operations of the schema: by plans that are kept, or all as graphql-core does it.

    Whatever is executed raises TooLong when its answer has more than `most` characters of text.
    """

    def __init__(self, *, compiled: bool, most: int = Length.left) -> None:
        self._start = self._by_plan if compiled else self._by_the_book
        self._plain = type("Executor", (MeasuredExecutor,), {"left": most})
        self._compiled = type("Executor", (CompiledExecutor,), {"left": most})

    def execute(
        self, operation: Operation, variables: dict[str, Any] | None, context: Context
    ) -> Awaitable[ExecutionResult]:
        """The result of a query or mutation. Errors stand in it; only cancellation is raised."""
        return self._start(operation, variables, context)

    async def subscribe(
        self, operation: Operation, variables: dict[str, Any] | None, context: Context
    ) -> AsyncIterator[ExecutionResult] | ExecutionResult:
        """The results of a subscription as they come, or why there are none."""
        result = subscribe(**self._request(operation, variables, context))
        return await result if isawaitable(result) else result

    async def _by_the_book(
        self, operation: Operation, variables: dict[str, Any] | None, context: Context
    ) -> ExecutionResult:
        request = self._request(operation, variables, context)
        result = execute(**request, is_awaitable=optimized_is_awaitable)  # type: ignore[arg-type]
        return await result if isawaitable(result) else result

    def _request(
        self, operation: Operation, variables: dict[str, Any] | None, context: Context
    ) -> dict[str, Any]:
        """What graphql-core's own entry points are told, and Strawberry's executor."""
        return {
            "schema": schema._schema,
            "document": operation.tree,
            "context_value": context,
            "variable_values": variables,
            "operation_name": operation.name,
            "executor_class": self._plain,
            "hide_suggestions": True,
            "operation_extensions": None,
        }

    async def _by_plan(
        self, operation: Operation, variables: dict[str, Any] | None, context: Context
    ) -> ExecutionResult:
        """As `execute` does it, which would look through the whole document each time."""
        given = coerced(schema._schema, operation.node, operation.variables, variables or {})
        if isinstance(given, list):
            return ExecutionResult(None, given)
        straight = self._straight_of(operation, given)
        if straight is not None:
            data = await straight.answer(context.viewer, given)
            if data is not None:
                return ExecutionResult(data, None)
        result = self._executor(operation, given, context).execute_operation()
        return await result if isawaitable(result) else result  # type: ignore[no-any-return]

    def _executor(
        self, operation: Operation, given: VariableValues, context: Context
    ) -> CompiledExecutor:
        return self._compiled(  # type: ignore[no-any-return]
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

    def _straight_of(self, operation: Operation, given: VariableValues) -> Straight | None:
        """How the operation is answered straight: kept on its tree, and forgotten with it."""
        kept = operation.node.__dict__
        if "candor_straight" not in kept:
            kept["candor_straight"] = straight_of(self._executor(operation, given, Context()))
        return kept["candor_straight"]  # type: ignore[no-any-return]

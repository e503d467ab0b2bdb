"""The one place where operations are executed: the fast way first, then graphql-core."""

from collections.abc import AsyncIterator
from inspect import isawaitable
from typing import Any

from graphql import ExecutionResult, execute, subscribe
from strawberry.execution import optimized_is_awaitable

from candor.engine.documents import Operation
from candor.engine.fast.answer import Answer, answer
from candor.engine.fast.answer_length import Length, MeasuredExecutor
from schema.api import schema
from schema.context import Context


class Execution:
    """Executes operations of the schema: the fast way where there is one, or all by graphql-core.

    Whatever is executed raises TooLong when its answer has more than `most` characters of text.
    """

    def __init__(self, *, compiled: bool, most: int = Length.left) -> None:
        self._is_compiled = compiled
        self._most = most
        self._executor = type("Executor", (MeasuredExecutor,), {"left": most})

    async def execute(
        self, operation: Operation, variables: dict[str, Any] | None, context: Context
    ) -> Answer:
        """The answer to a query or mutation. Errors stand in it; only cancellation is raised."""
        if self._is_compiled:
            found = await answer(operation.fast, variables, context, self._most)
            if found is not None:
                return found
        request = self._request(operation, variables, context)
        result = execute(**request, is_awaitable=optimized_is_awaitable)  # type: ignore[arg-type]
        return Answer(await result if isawaitable(result) else result, "stock")

    async def subscribe(
        self, operation: Operation, variables: dict[str, Any] | None, context: Context
    ) -> AsyncIterator[ExecutionResult] | ExecutionResult:
        """The results of a subscription as they come, or why there are none."""
        result = subscribe(**self._request(operation, variables, context))
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
            "executor_class": self._executor,
            "hide_suggestions": True,
            "operation_extensions": None,
        }

"""Executes operations: by a faster way if one can, else by graphql-core."""

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
    """Executes operations of the schema. Without `compiled`, graphql-core executes all of them.

    Raises TooLong as soon as a result has more than `most` characters of text.
    """

    def __init__(self, *, compiled: bool, most: int = Length.left) -> None:
        self._is_compiled = compiled
        self._most = most
        self._executor = type("Executor", (MeasuredExecutor,), {"left": most})

    async def execute(
        self, operation: Operation, variables: dict[str, Any] | None, context: Context
    ) -> Answer:
        """The answer to a query or mutation, errors included. Raises TooLong."""
        if operation.introspects and not variables:
            return await self._introspected(operation, context)
        if self._is_compiled:
            fast = await answer(operation.fast, variables, context, self._most)
            if fast is not None:
                return fast
        return await self._stock(operation, variables, context)

    async def _stock(
        self, operation: Operation, variables: dict[str, Any] | None, context: Context
    ) -> Answer:
        request = self._request(operation, variables, context)
        result = execute(**request, is_awaitable=optimized_is_awaitable)  # type: ignore[arg-type]
        return Answer(await result if isawaitable(result) else result, "stock")

    async def _introspected(self, operation: Operation, context: Context) -> Answer:
        """The answer about the schema, which never changes: computed once for each document."""
        if not operation.introspected:
            operation.introspected.append(await self._stock(operation, None, context))
        return operation.introspected[0]

    async def subscribe(
        self, operation: Operation, variables: dict[str, Any] | None, context: Context
    ) -> AsyncIterator[ExecutionResult] | ExecutionResult:
        """The stream of a subscription's results, or one result with the errors that prevent it."""
        result = subscribe(**self._request(operation, variables, context))
        return await result if isawaitable(result) else result

    def _request(
        self, operation: Operation, variables: dict[str, Any] | None, context: Context
    ) -> dict[str, Any]:
        """The arguments of graphql-core's entry points."""
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

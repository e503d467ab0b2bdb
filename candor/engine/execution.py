"""Executes operations: by a faster way if one can, else by graphql-core."""

from collections.abc import AsyncIterator
from functools import partial
from inspect import isawaitable
from typing import Any

from graphql import ExecutionResult, create_source_event_stream, execute
from graphql.execution import (
    Executor,
    execute_subscription_event,
    map_source_to_response_event,
)
from strawberry.execution import optimized_is_awaitable

from candor.engine.documents import Operation
from candor.engine.fast.answer import Answer, answer, answer_event
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
        request = self._request(operation, variables, context)
        request["raw_variable_values"] = request.pop("variable_values")
        executor = request.pop("executor_class").build(**request)
        if isinstance(executor, list):
            return ExecutionResult(None, executor)
        source = create_source_event_stream(executor)
        events = await source if isawaitable(source) else source
        if isinstance(events, ExecutionResult):
            return events
        return map_source_to_response_event(executor, events, partial(self._event, operation))

    async def _event(self, operation: Operation, executor: Executor[Any]) -> ExecutionResult:
        """The answer to one event, which has a context of its own. Raises TooLong."""
        executor.context_value = executor.context_value.renewed()
        if self._is_compiled:
            variables, event = executor.variable_values, executor.root_value
            fast = await answer_event(
                operation.fast, variables, event, executor.context_value, self._most
            )
            if fast is not None:
                return fast
        result: Any = execute_subscription_event(executor)
        return await result if isawaitable(result) else result  # type: ignore[no-any-return]

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

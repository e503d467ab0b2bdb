"""The one place where operations are executed."""

from collections.abc import AsyncIterator
from inspect import isawaitable
from typing import Any

from graphql import ExecutionResult
from graphql import execute as execute_stock
from graphql import subscribe as subscribe_stock
from strawberry.execution import optimized_is_awaitable

from candor.documents import Operation
from schema.api import schema
from schema.context import Context


async def execute(
    operation: Operation, variables: dict[str, Any] | None, context: Context
) -> ExecutionResult:
    """The result of a query or mutation. Errors stand in it; only cancellation is raised."""
    result = execute_stock(
        schema._schema,
        operation.tree,
        context_value=context,
        variable_values=variables,
        operation_name=operation.name,
        executor_class=schema.execution_context_class,
        is_awaitable=optimized_is_awaitable,
        hide_suggestions=True,
        operation_extensions=None,
    )
    if isawaitable(result):
        result = await result
    assert isinstance(result, ExecutionResult)
    return result


async def subscribe(
    operation: Operation, variables: dict[str, Any] | None, context: Context
) -> AsyncIterator[ExecutionResult] | ExecutionResult:
    """The results of a subscription as they come, or why there are none."""
    result = subscribe_stock(
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

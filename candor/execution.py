"""The one place where operations are executed."""

from collections.abc import AsyncIterator
from inspect import isawaitable
from typing import Any

from graphql import (
    ExecutionResult,
    GraphQLError,
    Undefined,
    coerce_input_value,
    default_field_resolver,
    default_type_resolver,
    execute,
    get_variable_values,
    is_non_null_type,
    subscribe,
)
from graphql.execution import VariableValues
from graphql.execution.values import VariableValueSource
from strawberry.execution import optimized_is_awaitable

from candor.compiled import CompiledExecutor
from candor.documents import Operation
from schema.api import schema
from schema.context import Context

# So many of a request's variables are told to be wrong.
MAX_ERRORS = 50


class Execution:
    """Executes operations of the schema: by plans that are kept, or all as graphql-core does it."""

    def __init__(self, *, compiled: bool) -> None:
        self._start = _by_plan if compiled else _by_the_book

    async def execute(
        self, operation: Operation, variables: dict[str, Any] | None, context: Context
    ) -> ExecutionResult:
        """The result of a query or mutation. Errors stand in it; only cancellation is raised."""
        result = self._start(operation, variables, context)
        return await result if isawaitable(result) else result  # type: ignore[no-any-return]

    async def subscribe(
        self, operation: Operation, variables: dict[str, Any] | None, context: Context
    ) -> AsyncIterator[ExecutionResult] | ExecutionResult:
        """The results of a subscription as they come, or why there are none."""
        result = subscribe(**_request(operation, variables, context))
        return await result if isawaitable(result) else result


def _by_the_book(operation: Operation, variables: dict[str, Any] | None, context: Context) -> Any:
    request = _request(operation, variables, context)
    return execute(**request, is_awaitable=optimized_is_awaitable)  # type: ignore[arg-type]


def _request(
    operation: Operation, variables: dict[str, Any] | None, context: Context
) -> dict[str, Any]:
    """What graphql-core's own entry points are told, and Strawberry's executor."""
    return {
        "schema": schema._schema,
        "document": operation.tree,
        "context_value": context,
        "variable_values": variables,
        "operation_name": operation.name,
        "executor_class": schema.execution_context_class,
        "hide_suggestions": True,
        "operation_extensions": None,
    }


def _by_plan(operation: Operation, variables: dict[str, Any] | None, context: Context) -> Any:
    """As `execute` does it, which would look through the whole document each time."""
    given = _coerced(operation, variables or {})
    if isinstance(given, list):
        return ExecutionResult(None, given)
    return CompiledExecutor(
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
    ).execute_operation()


def _coerced(operation: Operation, given: dict[str, Any]) -> VariableValues | list[GraphQLError]:
    """The variables as their types say, or what is wrong with them: that graphql-core tells."""
    try:
        return VariableValues(*_plainly_coerced(operation, given))
    except (GraphQLError, _Unusual, RecursionError):
        definitions = operation.node.variable_definitions or ()
        return get_variable_values(
            schema._schema, definitions, given, max_errors=MAX_ERRORS, hide_suggestions=True
        )


class _Unusual(Exception):
    """A variable is missing, or wrong."""


def _plainly_coerced(
    operation: Operation, given: dict[str, Any]
) -> tuple[dict[str, VariableValueSource], dict[str, Any]]:
    sources, coerced = {}, {}
    for signature in operation.signatures:
        value = given.get(signature.name, Undefined)
        if value is not Undefined:
            sources[signature.name] = VariableValueSource(signature, value)
            coerced[signature.name] = coerce_input_value(value, signature.type)
            if coerced[signature.name] is Undefined:
                raise _Unusual
        elif signature.default is None and not is_non_null_type(signature.type):
            sources[signature.name] = VariableValueSource(signature)
        else:
            raise _Unusual
    return sources, coerced

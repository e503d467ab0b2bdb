"""Entry point of the fast way: an operation is answered by generated code, or handed on.

There are two ways. `rows` answers a query of one hot field from the rows of one statement. A plan
calls resolvers as usual, and generated code completes the values that they return. Everything made
for an operation is stored with it. Results equal graphql-core's to the last byte; only the latency
differs.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Literal, NamedTuple

from graphql import (
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    default_field_resolver,
    default_type_resolver,
    get_variable_values,
)
from graphql.execution import VariableValues
from graphql.execution.collect_fields import FragmentDetails
from graphql.pyutils import Path
from strawberry.execution import optimized_is_awaitable

from candor.engine.fast.executor import CompiledExecutor
from candor.engine.fast.field_plans import FieldPlan, plan_fields
from candor.engine.fast.hand_on import HandOn
from candor.engine.fast.rows.codegen import CodeGenerator
from candor.engine.fast.rows.queries import QUERIES, Query, Root
from candor.engine.fast.variables import Variable, coerce_variables, variables_of
from models.unavailable import Unavailable
from resolvers.errors import Refusal

log = logging.getLogger("candor.fast")

# What made a result: rows, a plan with generated code, or graphql-core.
By = Literal["straight", "compiled", "stock"]
# At most this many errors of a request's variables are reported.
MAX_ERRORS = 50
_NO_VARIABLES = VariableValues({}, {})


class Answer(NamedTuple):
    """A result and what made it: "stock" if graphql-core had to complete any of it."""

    result: ExecutionResult
    by: By


class PreparedOperation:
    """What is prepared for one operation at its first execution, and lives as long as it does."""

    def __init__(
        self,
        schema: GraphQLSchema,
        node: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
    ) -> None:
        self._schema = schema
        self._node = node
        self._fragments = dict(fragments)
        self._details = {name: FragmentDetails(each, None) for name, each in fragments.items()}
        self._is_reported = False

    @property
    def is_subscription(self) -> bool:
        return self._node.operation is OperationType.SUBSCRIPTION

    @cached_property
    def variables(self) -> list[Variable]:
        return variables_of(self._schema, self._node)

    @cached_property
    def plan(self) -> list[FieldPlan] | None:
        """The plan of its root fields; None if graphql-core must execute it."""
        with self.trying(_NO_VARIABLES, None) as executor:
            return plan_fields(executor)
        return None

    @cached_property
    def rows(self) -> tuple[str, Query] | None:
        """The response key of its only field and what answers it from rows; None if nothing can."""
        if self.plan is None or len(self.plan) != 1 or self._node.operation != OperationType.QUERY:
            return None
        (field,) = self.plan
        make_query = QUERIES.get(field.nodes[0].name.value)
        if make_query is None:
            return None
        with self.trying(_NO_VARIABLES, None) as executor:
            generator = CodeGenerator(executor)
            make = generator.function(field.definition.type, field.details, *make_query.parameters)
            return field.key, make_query(Root(field, make), generator)
        return None

    @contextmanager
    def trying(self, variables: VariableValues, context: Any) -> Iterator[CompiledExecutor]:
        """An executor for a part of the fast way. A bug in the block is reported.

        If the block fails, a slower way goes on after it.
        """
        executor = self.executor(variables, context)
        try:
            yield executor
        except HandOn:
            pass
        except Exception as bug:  # noqa: BLE001 - reported, and a slower way does it
            self.report(bug)
        finally:
            executor.release()

    def executor(self, variables: VariableValues, context: Any) -> CompiledExecutor:
        return CompiledExecutor(
            self._schema,
            self._fragments,
            self._details,
            None,
            context,
            self._node,
            variables,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            is_awaitable=optimized_is_awaitable,
            hide_suggestions=True,
        )

    def coerce(self, given: dict[str, Any]) -> VariableValues | list[GraphQLError]:
        """The values of the operation's variables, or the errors of those given."""
        bug = None
        try:
            return coerce_variables(self.variables, given)
        except (HandOn, GraphQLError, RecursionError):
            pass
        except Exception as error:  # noqa: BLE001 - reported below
            bug = error
        definitions = self._node.variable_definitions or ()
        values = get_variable_values(
            self._schema, definitions, given, max_errors=MAX_ERRORS, hide_suggestions=True
        )
        if bug is not None and isinstance(values, VariableValues):
            self.report(bug)
        return values

    def report(self, bug: Exception) -> None:
        """Log a bug in the fast way, once per operation: its results are right, but slow."""
        if not self._is_reported:
            self._is_reported = True
            name = self._node.name.value if self._node.name else "-"
            log.error(
                "the fast way failed for the operation %s; it is answered more slowly",
                name,
                exc_info=bug,
                extra={"operation": name, "kind": self._node.operation.value},
            )


async def answer(
    operation: PreparedOperation, given: dict[str, Any] | None, context: Any, most: int
) -> Answer | None:
    """The answer to a query or mutation; None if it is handed on, before anything happened.

    Raises TooLong if the answer has more than `most` characters of text.
    """
    if operation.plan is None or operation.is_subscription:
        return None
    variables = operation.coerce(given or {})
    if isinstance(variables, list):
        return Answer(ExecutionResult(None, variables), "stock")
    bug = None
    if operation.rows is not None:
        key, query = operation.rows
        try:
            data = {key: await query.answer(context.viewer, variables, most)}
            return Answer(ExecutionResult(data, None), "straight")
        except (HandOn, Refusal, GraphQLError, Unavailable):
            pass  # a query has no effects: the plan starts again, and makes the errors
        except Exception as error:  # noqa: BLE001 - reported below
            bug = error
    executor = operation.executor(variables, context)
    executor.left = most
    try:
        result = await executor.run(operation.plan)
    finally:
        executor.release()
    if bug is not None and not result.errors:  # else the error reports the bug
        operation.report(bug)
    if executor.bug is not None:
        operation.report(executor.bug)
        return Answer(result, "stock")
    return Answer(result, "compiled")


async def answer_event(
    operation: PreparedOperation, variables: VariableValues, event: Any, context: Any, most: int
) -> ExecutionResult | None:
    """The answer to an event of a subscription; None if graphql-core must make it.

    Raises TooLong, as `answer`.
    """
    if operation.plan is None:
        return None
    (field,) = operation.plan
    if field.complete is None:
        return None
    with operation.trying(variables, context) as executor:
        executor.left = most
        path = Path(None, field.key, field.parent_type.name)
        try:
            completed = field.complete(executor, event, path)
            if field.is_async:
                completed = await completed
        except GraphQLError:
            return None
        # Of several errors graphql-core decides which are told.
        if not executor.collected_errors.errors:
            return ExecutionResult({field.key: completed}, None)
    return None

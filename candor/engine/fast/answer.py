"""The fast way's door: operations answered by code that was generated for them, or handed on.

There are two ways. `rows` answers a query of one hot field from the rows of one statement; a plan
calls resolvers as ever, and generated code completes what they return. All that was made for an
operation is kept with it. Answers are graphql-core's to the last byte: only time tells.
"""

import logging
from collections.abc import Mapping
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
from strawberry.execution import optimized_is_awaitable

from candor.engine.fast.executor import CompiledExecutor
from candor.engine.fast.field_plans import FieldPlan, plan_fields
from candor.engine.fast.hand_on import HandOn
from candor.engine.fast.rows.codegen import Writer
from candor.engine.fast.rows.queries import QUERIES, Query, Root
from candor.engine.fast.variables import Variable, coerced, variables_of
from models.unavailable import Unavailable
from resolvers.errors import Refusal

log = logging.getLogger("candor.fast")

# Who answered: rows, a plan with generated code, or graphql-core.
By = Literal["straight", "compiled", "stock"]
# At most this many errors of a request's variables are reported.
MAX_ERRORS = 50
_NO_VARIABLES = VariableValues({}, {})


class Answer(NamedTuple):
    """A result, and who made it: "stock" where graphql-core had to complete for us."""

    result: ExecutionResult
    by: By


class Prepared:
    """What is made for one operation when it is first executed, and kept as long as it is."""

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

    @cached_property
    def variables(self) -> list[Variable]:
        return variables_of(self._schema, self._node)

    @cached_property
    def plan(self) -> list[FieldPlan] | None:
        """The plan of its root fields; None when it is not to be run by a plan."""
        try:
            return plan_fields(self.executor(_NO_VARIABLES, None))
        except HandOn:
            return None
        except Exception as fault:  # noqa: BLE001 - reported, and graphql-core does it
            self.report(fault)
            return None

    @cached_property
    def rows(self) -> tuple[str, Query] | None:
        """What answers its only field from rows, and the field's key; None if nothing does."""
        if self.plan is None or len(self.plan) != 1 or self._node.operation != OperationType.QUERY:
            return None
        (field,) = self.plan
        make_query = QUERIES.get(field.nodes[0].name.value)
        if make_query is None:
            return None
        writer = Writer(self.executor(_NO_VARIABLES, None))
        try:
            make = writer.function(field.definition.type, field.details, *make_query.parameters)
            return field.key, make_query(Root(field, make), writer)
        except HandOn:
            return None
        except Exception as fault:  # noqa: BLE001 - reported, and the plan does it
            self.report(fault)
            return None

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

    def coerced(self, given: dict[str, Any]) -> VariableValues | list[GraphQLError]:
        """The values of the operation's variables, or what is wrong with those given."""
        fault = None
        try:
            return coerced(self.variables, given)
        except (HandOn, GraphQLError, RecursionError):
            pass
        except Exception as error:  # noqa: BLE001 - reported below
            fault = error
        definitions = self._node.variable_definitions or ()
        values = get_variable_values(
            self._schema, definitions, given, max_errors=MAX_ERRORS, hide_suggestions=True
        )
        if fault is not None and isinstance(values, VariableValues):
            self.report(fault)
        return values

    def report(self, fault: Exception) -> None:
        """Log a fault of the fast way, once: its answers are right all the same, but slow."""
        if not self._is_reported:
            self._is_reported = True
            name = self._node.name.value if self._node.name else "-"
            log.error(
                "the fast way failed for the operation %s; it is answered more slowly",
                name,
                exc_info=fault,
                extra={"operation": name, "kind": self._node.operation.value},
            )


async def answer(
    operation: Prepared, given: dict[str, Any] | None, context: Any, most: int
) -> Answer | None:
    """The answer to a query or mutation; None, before anything happened, for what is handed on.

    Raises TooLong when it has more than `most` characters of text.
    """
    if operation.plan is None:
        return None
    variables = operation.coerced(given or {})
    if isinstance(variables, list):
        return Answer(ExecutionResult(None, variables), "stock")
    fault = None
    if operation.rows is not None:
        key, query = operation.rows
        try:
            data = {key: await query.answer(context.viewer, variables, most)}
            return Answer(ExecutionResult(data, None), "straight")
        except (HandOn, Refusal, GraphQLError, Unavailable):
            pass  # a query has no effects: it begins anew, and what is to be refused is refused
        except Exception as error:  # noqa: BLE001 - reported below
            fault = error
    executor = operation.executor(variables, context)
    executor.left = most
    result = await executor.run(operation.plan)
    if fault is not None and not result.errors:  # else the error tells, as it always does
        operation.report(fault)
    if executor.fault is not None:
        operation.report(executor.fault)
        return Answer(result, "stock")
    return Answer(result, "compiled")

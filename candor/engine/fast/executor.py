"""Execution with compiled completion: generated code completes the values below a resolver.

graphql-core does everything that needs judgement: coercion, collecting fields, errors, null
propagation, abstract types, directives. Generated code only reads plain attributes whose values
have exactly the type that the schema says. At the first that has not, it hands on, and graphql-core
completes the same value again. So results always equal the stock executor's.
"""

from inspect import isawaitable
from typing import Any

from graphql import ExecutionResult, GraphQLError, OperationType
from graphql.execution.executor import CollectedErrors
from graphql.execution.values import get_argument_values
from graphql.pyutils import Path, gather_with_cancel
from strawberry import Info

from candor.engine.fast.answer_length import MeasuredExecutor
from candor.engine.fast.field_plans import FieldPlan
from candor.engine.fast.hand_on import HandOn


class CompiledExecutor(MeasuredExecutor):
    """Executes an operation without directives by its plan."""

    # An error in generated code, if graphql-core could complete the same value.
    bug: Exception | None = None

    def release(self) -> None:
        """Forget the helpers, which refer to this executor: without them it is freed at once."""
        self.async_helpers = None  # type: ignore[assignment]

    async def run(self, fields: list[FieldPlan]) -> ExecutionResult:
        """The result of the operation with these root fields."""
        source, left = self.root_value, self.left
        one_by_one = len(fields) == 1 or self.operation.operation is OperationType.MUTATION
        try:
            if one_by_one:
                values = [await self.resolve_planned(field, source, None) for field in fields]
            else:
                values = await gather_with_cancel(
                    *(self.resolve_planned(field, source, None) for field in fields)
                )
        except GraphQLError as error:
            if not one_by_one:  # graphql-core decides which errors are reported
                self.collected_errors, self.left = CollectedErrors(), left
                result = self.execute_operation()
                return await result if isawaitable(result) else result  # type: ignore[return-value]
            self.collected_errors.add(error, None)
            return self.build_response(None)  # type: ignore[return-value]
        data = {field.key: value for field, value in zip(fields, values, strict=True)}
        return self.build_response(data)  # type: ignore[return-value]

    async def resolve_planned(self, field: FieldPlan, source: Any, parent: Path | None) -> Any:
        """Resolve one field and complete its value. Errors are handled as in graphql-core."""
        path = Path(parent, field.key, field.parent_type.name)
        info = self.build_resolve_info(field.definition, field.nodes, field.parent_type, path)
        bug = None
        try:
            value = self._call(field, source, info)
            if isawaitable(value):
                value = await value
            if field.complete is not None:
                left = self.left
                try:
                    completed = field.complete(self, value, path)
                    return await completed if field.is_async else completed
                except Exception as error:  # noqa: BLE001 - graphql-core completes it
                    if not isinstance(error, HandOn | GraphQLError):
                        bug = error
                    _forget_below(path, self.collected_errors)
                    self.left = left
            completed = self.complete_value(
                field.definition.type, field.details, info, path, value, None
            )
            if isawaitable(completed):
                completed = await completed
        except Exception as error:  # noqa: BLE001 - as graphql-core does with every field
            self.handle_field_error(error, field.definition.type, field.details, path)
            return None
        if bug is not None and not _has_errors_below(path, self.collected_errors):
            self.bug = bug
        return completed

    def _call(self, field: FieldPlan, source: Any, info: Any) -> Any:
        definition = field.definition
        if field.function is None:
            arguments = get_argument_values(definition, field.nodes[0], self.variable_values)
            return definition.resolve(source, info, **arguments)  # type: ignore[misc]
        arguments = field.arguments.bind(self.variable_values)
        if field.info_name is None:
            return field.function(source, **arguments)
        info_object = Info(_raw_info=info, _field=definition.extensions["strawberry-definition"])
        return field.function(source, **arguments, **{field.info_name: info_object})


def _forget_below(path: Path, errors: CollectedErrors) -> None:
    """Drop the errors collected below a path: graphql-core will collect them again."""
    place = path.as_list()
    depth = len(place)
    errors._errors[:] = [e for e in errors._errors if (e.path or [])[:depth] != place]
    errors._error_positions = {
        each for each in errors._error_positions if each is None or each.as_list()[:depth] != place
    }


def _has_errors_below(path: Path, errors: CollectedErrors) -> bool:
    place = path.as_list()
    return any((error.path or [])[: len(place)] == place for error in errors._errors)

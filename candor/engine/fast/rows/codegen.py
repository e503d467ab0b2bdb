"""Generates one function from the expressions of the fields that an operation selects."""

from collections.abc import Callable
from string import Formatter
from typing import Any

from graphql import (
    GraphQLObjectType,
    GraphQLString,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_object_type,
)
from graphql.execution.collect_fields import FieldDetails

from candor.engine.fast.answer_length import Length, MeasuredExecutor
from candor.engine.fast.arguments import Arguments
from candor.engine.fast.hand_on import HandOn
from candor.engine.fast.rows.field_expressions import FIELD_EXPRESSIONS, ROW, SCOPE, SameRow


class CodeGenerator:
    """Writes the function of one root field, and records the columns that it reads."""

    def __init__(self, executor: MeasuredExecutor) -> None:
        self._executor = executor
        self._variables = 0
        # The prefix of the columns of the object that is being written.
        self._prefix = ""
        # The selected fields, as (type, field), and the columns that they need.
        self.fields: set[tuple[str, str]] = set()
        self.columns: set[str] = set()
        # The arguments of fields below.
        self.arguments: list[Arguments] = []

    def function(
        self, type_: Any, details: list[FieldDetails], *parameters: str
    ) -> Callable[..., Any]:
        """The function that makes the field's value from these parameters. Raises HandOn.

        It takes one more argument, `most`: the characters of text that the answer may have.
        """
        source = self._value(type_, details, parameters[0], parameters[0])
        # One shared counter will do: the function awaits nothing, so only one runs at a time.
        head = f"def answer({', '.join(parameters)}, most):\n    length.left = most"
        text = f"{head}\n    return {source}"
        length = Length()
        scope = SCOPE | {"length": length, "text": length.text}
        exec(compile(text, "<rows>", "exec"), scope)  # noqa: S102 - of our own making
        # Taken out of its own globals: otherwise it would stay in memory after its document.
        return scope.pop("answer")  # type: ignore[no-any-return]

    def _value(self, type_: Any, details: list[FieldDetails], source: str, v: str) -> str:
        """The expression for the value of `source`: a leaf, or the selected fields below it."""
        inner = get_nullable_type(type_)
        if inner is GraphQLString:
            return self._text(source, maybe=inner is type_)
        if is_leaf_type(inner):
            return source
        if is_list_type(inner):
            each = self._variable()
            item = self._value(inner.of_type, details, each, each)
            expressions = FIELD_EXPRESSIONS.get(get_named_type(inner).name)
            parts = [f"{each}_{part}" for part in range(expressions.parts)] if expressions else []
            return f"[{item} for {', '.join(parts) or each} in {source}]"
        if not is_object_type(inner):
            raise HandOn
        if isinstance(source, SameRow):
            outer, self._prefix = self._prefix, source.prefix or self._prefix
            answer = self._object(inner, details, v)
            self._prefix = outer
            return f"({answer} if {source} else None)" if source else answer
        if source.isidentifier():
            return self._object(inner, details, source)
        name = self._variable()
        return f"({self._object(inner, details, name)} if ({name} := {source}) else None)"

    def _text(self, source: str, *, maybe: bool) -> str:
        if not maybe:
            return f"text({source})"
        name = self._variable()
        return f"(None if ({name} := {source}) is None else text({name}))"

    def _object(self, type_: GraphQLObjectType, details: list[FieldDetails], v: str) -> str:
        expressions = FIELD_EXPRESSIONS.get(type_.name)
        if expressions is None:
            raise HandOn
        pairs = []
        for key, below in self._executor.collect_subfields(
            type_, details
        ).grouped_field_set.items():
            name = below[0].node.name.value
            if name == "__typename":
                pairs.append(f"{key!r}: {type_.name!r}")
                continue
            if name not in expressions.fields:
                raise HandOn
            self.fields.add((type_.name, name))
            definition = type_.fields[name]
            if definition.args:
                schema = self._executor.schema
                self.arguments.append(Arguments(schema, definition, below[0].node))
            expression = self._fill(expressions.fields[name], expressions.reading, v)
            pairs.append(f"{key!r}: {self._value(definition.type, below, expression, v)}")
        return f"{{{', '.join(pairs)}}}"

    def _fill(self, expression: str, reading: str, v: str) -> str:
        """The expression, with each name in it replaced by the code that reads it."""
        parts = []
        for text, name, _, _ in Formatter().parse(expression):
            parts.append(text)
            if name is None:
                continue
            if reading is ROW:
                column = self._prefix + name
                self.columns.add(column)
                parts.append(reading.format(v=v, name=column))
            else:
                parts.append(reading.format(v=v, name=name))
        filled = "".join(parts)
        return SameRow(filled, expression.prefix) if isinstance(expression, SameRow) else filled

    def _variable(self) -> str:
        self._variables += 1
        return f"v{self._variables}"

"""Generates a function for each object type in an operation that turns objects into dicts."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Any, NoReturn
from uuid import UUID

from graphql import (
    GraphQLBoolean,
    GraphQLField,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLObjectType,
    GraphQLString,
    Undefined,
    is_enum_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetails
from graphql.pyutils import Path, gather_with_cancel
from strawberry.types.field import StrawberryField

from candor.engine.fast.hand_on import HandOn

Completer = Callable[[Any, Any, Path], Any]
# Plans a field with a resolver of its own below an object.
PlanField = Callable[..., Any]

# The Python type that a value must have, exactly, to need no coercion.
_EXACT = {
    GraphQLID: "str",
    GraphQLBoolean: "bool",
    GraphQLInt: "int",
    GraphQLFloat: "float",
}
_CHECKS = {
    "str": "type({0}) is str",
    "bool": "type({0}) is bool",
    "list": "type({0}) is list",
    "int": "type({0}) is int and -0x80000000 <= {0} < 0x80000000",
    "float": "type({0}) is float and {0} - {0} == 0",
}
# The types that our own scalars may coerce: none can be raised or awaited.
_PLAIN = {str, int, float, bool, date, datetime, Decimal, UUID, dict, list}


def _hand_on() -> NoReturn:
    """The value does not have the exact type, so graphql-core must complete it."""
    raise HandOn


def completer_of(
    executor: Executor[Any], type_: Any, details: list[FieldDetails], plan_field: PlanField
) -> tuple[Completer | None, bool]:
    """The function that completes values of a field's type, and whether it is async.

    It is async if there are resolvers below. None if graphql-core must complete the values.
    """
    generator = _Generator(executor, plan_field)
    try:
        source = generator.value(type_, details, "v", "p")
    except HandOn:
        return None, False
    is_async = "await " in source
    head = "async def complete(x, v, p):" if is_async else "def complete(x, v, p):"
    generator.lines += [head, f"    return {source}"]
    return made(generator.lines, "complete", generator.scope), is_async


def made(lines: list[str], name: str, scope: dict[str, Any]) -> Any:
    """The function of this name in generated source, which refers to the objects in `scope`.

    They are its variables, not globals: a function in its own globals would be a ring, and stay in
    memory after its document.
    """
    head = f"def make({', '.join(scope)}):"
    inner = [f"    {line}" for text in lines for line in text.split("\n")]
    module: dict[str, Any] = {}
    source = "\n".join([head, *inner, f"    return {name}"])
    exec(compile(source, "<plan>", "exec"), module)  # noqa: S102 - of our own making
    return module.pop("make")(**scope)


class _Generator:
    """Collects the source of the functions of one plan, and the objects that they refer to."""

    def __init__(self, executor: Executor[Any], plan_field: PlanField) -> None:
        self.executor = executor
        self.plan_field = plan_field
        self.lines: list[str] = []
        self.scope: dict[str, Any] = {
            "hand_on": _hand_on,
            "Path": Path,
            "gather": gather_with_cancel,
        }

    def value(self, type_: Any, details: list[FieldDetails], value: str, path: str) -> str:
        """The expression that completes the variable `value`, or hands on.

        It contains "await " if it must be awaited.
        """
        if is_non_null_type(type_):
            return self._non_null(type_.of_type, details, value, path)
        return f"None if {value} is None else {self._non_null(type_, details, value, path)}"

    def _non_null(self, type_: Any, details: list[FieldDetails], value: str, path: str) -> str:
        if is_leaf_type(type_):
            return self._leaf(type_, value)
        if is_list_type(type_):
            return self._list(type_.of_type, details, value, path)
        if is_object_type(type_):
            name, is_async = self._object(type_, details)
            return f"await {name}(x, {value}, {path})" if is_async else f"{name}(x, {value})"
        raise HandOn

    def _leaf(self, type_: Any, value: str) -> str:
        if type_ is GraphQLString:
            return f"(x.text({value}) if {_CHECKS['str'].format(value)} else hand_on())"
        if type_ in _EXACT:
            return _checked(_EXACT[type_], value)
        if is_enum_type(type_):
            return self._enum(type_, value)
        return f"{self._scalar(type_.coerce_output_value)}({value})"

    def _scalar(self, coerce: Callable[[Any], Any]) -> str:
        def complete(value: Any) -> Any:
            if type(value) not in _PLAIN:
                raise HandOn
            coerced = coerce(value)
            if coerced is None or coerced is Undefined:
                raise HandOn
            return coerced

        return self.name(complete)

    def _enum(self, type_: Any, value: str) -> str:
        enum = type_.extensions["strawberry-definition"].wrapped_cls
        names = {member: type_.coerce_output_value(member) for member in enum}
        return f"({self.name(names)}[{value}] if type({value}) is {self.name(enum)} else hand_on())"

    def _list(self, type_: Any, details: list[FieldDetails], value: str, path: str) -> str:
        item = self.value(type_, details, "i", f"Path({path}, n, None)")
        checked = _checked("list", value)
        if "await " not in item:
            return f"[{item} for i in {checked}]"
        inner = type_.of_type if is_non_null_type(type_) else type_
        if inner is type_ or not is_object_type(inner):
            raise HandOn
        call = item.removeprefix("await ")
        return f"list(await gather(*[{call} for n, i in enumerate({checked})]))"

    def _object(self, type_: GraphQLObjectType, details: list[FieldDetails]) -> tuple[str, bool]:
        """Write the function that completes a type's objects. Gives its name and if it is async."""
        fields = self.executor.collect_subfields(type_, details).grouped_field_set
        body, plain, awaited = [self._guard(type_)], {}, {}
        for number, (key, below) in enumerate(fields.items()):
            field_name = below[0].node.name.value
            if field_name == "__typename":
                plain[key] = repr(type_.name)
                continue
            definition = self.executor.schema.get_field(type_, field_name)
            if definition is None or field_name.startswith("__"):
                raise HandOn
            expression = self._read_expression(definition)
            if expression is None:
                plan = self.plan_field(self.executor, type_, key, definition, below)
                awaited[key] = f"x.resolve_planned({self.name(plan)}, v, p)"
                continue
            variable = f"a{number}"
            body.append(f"    {variable} = {expression}")
            source = self.value(
                definition.type, below, variable, f"Path(p, {key!r}, {type_.name!r})"
            )
            if "await " in source:
                awaited[key] = self._coroutine(variable, source)
            else:
                plain[key] = source
        return self._write(body, list(fields), plain, awaited)

    def _coroutine(self, variable: str, source: str) -> str:
        """Write an async function that completes one value. Gives the call of it."""
        name = f"c{len(self.lines)}"
        self.lines += [f"async def {name}(x, {variable}, p):", f"    return {source}"]
        return f"{name}(x, {variable}, p)"

    def _write(
        self, body: list[str], keys: list[str], plain: dict[str, str], awaited: dict[str, str]
    ) -> tuple[str, bool]:
        name = f"f{len(self.scope)}_{len(self.lines)}"
        values = dict(plain)
        if len(awaited) == 1:
            ((key, call),) = awaited.items()
            body.append(f"    w0 = await {call}")
            values[key] = "w0"
        elif awaited:
            names = ", ".join(f"w{n}" for n in range(len(awaited)))
            body.append(f"    {names} = await gather({', '.join(awaited.values())})")
            values |= {key: f"w{n}" for n, key in enumerate(awaited)}
        pairs = ", ".join(f"{key!r}: {values[key]}" for key in keys)
        head = f"async def {name}(x, v, p):" if awaited else f"def {name}(x, v):"
        self.lines += [head, *body, f"    return {{{pairs}}}"]
        return name, bool(awaited)

    def _guard(self, type_: GraphQLObjectType) -> str:
        """The check that an object is of the type's own class: no exception, nothing to await."""
        definition = type_.extensions["strawberry-definition"]
        origin = (definition.concrete_of or definition).origin
        if definition.is_type_of or issubclass(origin, Exception) or hasattr(origin, "__await__"):
            raise HandOn
        return f"    if type(v) is not {self.name(origin)}: hand_on()"

    def _read_expression(self, definition: GraphQLField) -> str | None:
        """The expression that reads a field of `v`: an attribute, or a method without arguments.

        It may run twice, if graphql-core has to complete the object again. GraphQL allows that:
        fields of an object have no side effects.
        """
        field = definition.extensions.get("strawberry-definition")
        if type(field) is not StrawberryField or field.extensions or definition.args:
            return None
        if field.is_basic_field:
            is_default = getattr(definition.resolve, "_is_default", False)
            return f"v.{field.python_name}" if is_default else None
        method = _method(field)
        return None if method is None else f"{self.name(method)}(v)"

    def name(self, thing: Any) -> str:
        """Make an object available to the generated code. Gives its name there."""
        name = f"o{len(self.scope)}"
        self.scope[name] = thing
        return name


def _method(field: StrawberryField) -> Callable[[Any], Any] | None:
    """The method behind a field, if it takes only `self` and is not async."""
    resolver = field.base_resolver
    if resolver is None or resolver.self_parameter is None or resolver.info_parameter:
        return None
    if resolver.parent_parameter or resolver.root_parameter:
        return None
    method: Any = resolver.wrapped_func
    if iscoroutinefunction(method) or isasyncgenfunction(method):
        return None
    return method  # type: ignore[no-any-return]


def _checked(kind: str, value: str) -> str:
    return f"({value} if {_CHECKS[kind].format(value)} else hand_on())"

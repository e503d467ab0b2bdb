"""Code generation: a function for each object in an operation that turns it into a dict."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from graphql import (
    DirectiveNode,
    FragmentSpreadNode,
    GraphQLBoolean,
    GraphQLField,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLObjectType,
    GraphQLString,
    Node,
    OperationType,
    Undefined,
    is_enum_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetails, collect_fields
from graphql.pyutils import Path, gather_with_cancel
from strawberry.types.field import StrawberryField

Completer = Callable[[Any, Any, Path], Any]

# What a value must be, exactly, to be taken as it is.
_EXACT = {
    GraphQLString: "str",
    GraphQLID: "str",
    GraphQLBoolean: "bool",
    GraphQLInt: "int",
    GraphQLFloat: "float",
}
# What a scalar of our own may be given: nothing that is to be raised or awaited.
_PLAIN = {str, int, float, bool, date, datetime, Decimal, UUID, dict, list}


class _Refused(Exception):
    """The generator does not know this construct."""


class _Unusual(Exception):
    """A value is not exactly what the schema says: graphql-core completes it."""


@dataclass
class FieldPlan:
    """A field with a resolver of its own, and how to complete what it returns.

    `complete` is None when graphql-core completes it. It is a coroutine function when `is_active`:
    when there are further resolvers below.
    """

    key: str
    parent_type: GraphQLObjectType
    definition: GraphQLField
    details: list[FieldDetails]
    nodes: list[Any]
    complete: Completer | None = None
    is_active: bool = False
    # The resolver's own function, where Strawberry adds nothing to it but its Info.
    function: Callable[..., Any] | None = None
    info_name: str | None = None


def plan_fields(executor: Executor[Any]) -> list[FieldPlan] | None:
    """The plans of the operation's root fields; None when it is not to be run by a plan."""
    operation = executor.operation
    root = executor.schema.get_root_type(operation.operation)
    if root is None or operation.operation is OperationType.SUBSCRIPTION:
        return None
    if any(_directives(operation, executor)):
        return None
    collected = collect_fields(
        executor.schema, executor.fragments, executor.variable_values, root, operation
    )
    plans = []
    for key, details in collected.grouped_field_set.items():
        name = details[0].node.name.value
        definition = executor.schema.get_field(root, name)
        if definition is None or name.startswith("__"):
            return None
        plans.append(_plan(executor, root, key, definition, details))
    return plans


def _directives(operation: Node, executor: Executor[Any]) -> Iterator[Node]:
    """The directives of the operation and of the fragments that it uses."""
    seen: set[str] = set()
    waiting = [operation]
    while waiting:
        node = waiting.pop()
        if isinstance(node, DirectiveNode):
            yield node
        if isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
            seen.add(node.name.value)
            waiting.append(executor.fragments[node.name.value].definition)
        for name in node.keys:
            child = getattr(node, name, None)
            if isinstance(child, Node):
                waiting.append(child)
            elif isinstance(child, tuple | list):
                waiting.extend(each for each in child if isinstance(each, Node))


def _plan(
    executor: Executor[Any],
    parent: GraphQLObjectType,
    key: str,
    definition: GraphQLField,
    details: list[FieldDetails],
) -> FieldPlan:
    plan = FieldPlan(key, parent, definition, details, [each.node for each in details])
    plan.function, plan.info_name = _function(definition)
    generator = _Generator(executor)
    try:
        source = generator.value(definition.type, details, "v", "p")
    except _Refused:
        return plan
    plan.is_active = "await " in source
    head = "async def complete(x, v, p):" if plan.is_active else "def complete(x, v, p):"
    generator.lines += [head, f"    return {source}"]
    scope = generator.scope
    exec(compile("\n".join(generator.lines), "<plan>", "exec"), scope)  # noqa: S102 - of our own making
    plan.complete = scope["complete"]
    return plan


class _Generator:
    """Collects the functions of one plan, and the objects that they name."""

    def __init__(self, executor: Executor[Any]) -> None:
        self.executor = executor
        self.lines: list[str] = []
        self.scope: dict[str, Any] = {
            "Unusual": _Unusual,
            "Path": Path,
            "gather": gather_with_cancel,
        }

    def value(self, type_: Any, details: list[FieldDetails], value: str, path: str) -> str:
        """The expression that completes the variable `value`, or gives up.

        It is awaited where it must be: "await" in it tells.
        """
        if is_non_null_type(type_):
            return self._present(type_.of_type, details, value, path)
        return f"None if {value} is None else {self._present(type_, details, value, path)}"

    def _present(self, type_: Any, details: list[FieldDetails], value: str, path: str) -> str:
        if is_leaf_type(type_):
            return self._leaf(type_, value)
        if is_list_type(type_):
            return self._list(type_.of_type, details, value, path)
        if is_object_type(type_):
            name, is_active = self._object(type_, details)
            return f"await {name}(x, {value}, {path})" if is_active else f"{name}({value})"
        raise _Refused

    def _leaf(self, type_: Any, value: str) -> str:
        if type_ in _EXACT:
            return f"{_check(self.scope, _EXACT[type_])}({value})"
        if is_enum_type(type_):
            return f"{self._enum(type_)}({value})"
        return f"{self._scalar(type_.coerce_output_value)}({value})"

    def _scalar(self, coerce: Callable[[Any], Any]) -> str:
        def complete(value: Any) -> Any:
            if type(value) not in _PLAIN:
                raise _Unusual
            coerced = coerce(value)
            if coerced is None or coerced is Undefined:
                raise _Unusual
            return coerced

        return self.name(complete)

    def _enum(self, type_: Any) -> str:
        enum = type_.extensions["strawberry-definition"].wrapped_cls
        names = {member: type_.coerce_output_value(member) for member in enum}

        def complete(value: Any) -> Any:
            if type(value) is not enum:
                raise _Unusual
            return names[value]

        return self.name(complete)

    def _list(self, type_: Any, details: list[FieldDetails], value: str, path: str) -> str:
        item = self.value(type_, details, "i", f"Path({path}, n, None)")
        checked = f"{_check(self.scope, 'list')}({value})"
        if "await " not in item:
            return f"[{item} for i in {checked}]"
        inner = type_.of_type if is_non_null_type(type_) else type_
        if inner is type_ or not is_object_type(inner):
            raise _Refused
        call = item.removeprefix("await ")
        return f"list(await gather(*[{call} for n, i in enumerate({checked})]))"

    def _object(self, type_: GraphQLObjectType, details: list[FieldDetails]) -> tuple[str, bool]:
        """Write the function that completes objects of a type. Gives its name, and if it awaits."""
        fields = self.executor.collect_subfields(type_, details).grouped_field_set
        body, plain, active = [self._guard(type_)], {}, {}
        for number, (key, below) in enumerate(fields.items()):
            field_name = below[0].node.name.value
            if field_name == "__typename":
                plain[key] = repr(type_.name)
                continue
            definition = self.executor.schema.get_field(type_, field_name)
            if definition is None or field_name.startswith("__"):
                raise _Refused
            attribute = _attribute(definition)
            if attribute is None:
                plan = _plan(self.executor, type_, key, definition, below)
                active[key] = f"x.resolve_planned({self.name(plan)}, v, p)"
                continue
            variable = f"a{number}"
            body.append(f"    {variable} = v.{attribute}")
            source = self.value(
                definition.type, below, variable, f"Path(p, {key!r}, {type_.name!r})"
            )
            if source.count("await ") and source.startswith("await ") and not active:
                active[key] = source.removeprefix("await ")
            elif "await " in source:
                raise _Refused
            else:
                plain[key] = source
        return self._write(body, list(fields), plain, active)

    def _write(
        self, body: list[str], keys: list[str], plain: dict[str, str], active: dict[str, str]
    ) -> tuple[str, bool]:
        name = f"f{len(self.scope)}_{len(self.lines)}"
        values = dict(plain)
        if len(active) == 1:
            ((key, call),) = active.items()
            body.append(f"    w0 = await {call}")
            values[key] = "w0"
        elif active:
            names = ", ".join(f"w{n}" for n in range(len(active)))
            body.append(f"    {names} = await gather({', '.join(active.values())})")
            values |= {key: f"w{n}" for n, key in enumerate(active)}
        pairs = ", ".join(f"{key!r}: {values[key]}" for key in keys)
        head = f"async def {name}(x, v, p):" if active else f"def {name}(v):"
        self.lines += [head, *body, f"    return {{{pairs}}}"]
        return name, bool(active)

    def _guard(self, type_: GraphQLObjectType) -> str:
        """Objects are of the type's own class: no exceptions, nothing to await, no other type's."""
        definition = type_.extensions["strawberry-definition"]
        origin = (definition.concrete_of or definition).origin
        if definition.is_type_of or issubclass(origin, Exception) or hasattr(origin, "__await__"):
            raise _Refused
        return f"    if type(v) is not {self.name(origin)}: raise Unusual"

    def name(self, thing: Any) -> str:
        """A name for an object in the generated code."""
        name = f"o{len(self.scope)}"
        self.scope[name] = thing
        return name


def _function(definition: GraphQLField) -> tuple[Callable[..., Any] | None, str | None]:
    """The function behind a field, and what it calls its Info."""
    field = definition.extensions.get("strawberry-definition")
    resolver = getattr(field, "base_resolver", None)
    if type(field) is not StrawberryField or resolver is None or field.extensions:
        return None, None
    if resolver.self_parameter is None or resolver.parent_parameter or resolver.root_parameter:
        return None, None
    info = resolver.info_parameter
    return resolver.wrapped_func, info.name if info else None


def _attribute(definition: GraphQLField) -> str | None:
    """The attribute that a field reads, when that is all it does."""
    field = definition.extensions.get("strawberry-definition")
    if type(field) is not StrawberryField or not field.is_basic_field or definition.args:
        return None
    if not getattr(definition.resolve, "_is_default", False):
        return None
    return field.python_name


def _exactly(kind: type) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if type(value) is kind:
            return value
        raise _Unusual

    return check


def _int(value: Any) -> Any:
    if type(value) is int and -(2**31) <= value < 2**31:
        return value
    raise _Unusual


def _float(value: Any) -> Any:
    if type(value) is float and value - value == 0:
        return value
    raise _Unusual


_CHECKS = {
    "str": _exactly(str),
    "bool": _exactly(bool),
    "list": _exactly(list),
    "int": _int,
    "float": _float,
}


def _check(scope: dict[str, Any], kind: str) -> str:
    name = f"is_{kind}"
    scope[name] = _CHECKS[kind]
    return name

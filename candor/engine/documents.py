"""Documents, parsed, measured and validated once per text."""

from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    parse,
    specified_rules,
    validate,
)
from graphql.validation.rules import overlapping_fields_can_be_merged
from strawberry import Schema
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from candor.engine.complexity import MAX_TOKENS, refuse_too_complex
from candor.engine.cost import Price, Variables, defaults_of, price_of
from candor.engine.fast.answer import Prepared
from candor.engine.guesses import guesses_of
from candor.errors import (
    OperationNameRequired,
    OperationNotFound,
    Rejected,
    RequestError,
    TooComplex,
)
from schema.selection import Selections

MAX_KEPT, MAX_TEXT, MAX_KEPT_TEXT = 1_000, 20_000, 1_000_000
MAX_REFUSED = 500
MAX_ERRORS = 5
# The comparisons that merging fields may take: less than a tenth of a second at worst, where the
# default allows fifty times that. Real documents stay far below.
overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = 10_000

T = TypeVar("T")


@dataclass(frozen=True)
class Operation:
    """One operation of a valid document."""

    tree: DocumentNode
    node: OperationDefinitionNode
    price: Price
    defaults: Variables
    guesses: int
    fast: Prepared
    selections: Selections = field(default_factory=dict)

    @cached_property
    def kind(self) -> OperationType:
        return self.node.operation

    @cached_property
    def kind_name(self) -> str:
        return self.kind.value

    @cached_property
    def name(self) -> str | None:
        return self.node.name.value if self.node.name else None

    def cost(self, variables: dict[str, Any] | None) -> int:
        if self._fixed_cost is not None:
            return self._fixed_cost
        return self.price.of({**self.defaults, **(variables or {})})

    @cached_property
    def _fixed_cost(self) -> int | None:
        """The cost, where no variable changes it."""
        return None if self.price.parts else self.price.of({})


@dataclass(frozen=True)
class Document:
    """A valid document and its operations, in their order."""

    operations: tuple[Operation, ...]

    def operation(self, name: str | None) -> Operation:
        """The operation to execute. Raises OperationNameRequired, OperationNotFound."""
        if name is None:
            if len(self.operations) != 1:
                raise OperationNameRequired
            return self.operations[0]
        for operation in self.operations:
            if operation.name == name:
                return operation
        raise OperationNotFound


class Documents:
    """The documents of a schema by their texts.

    A document that comes a second time is kept before all those that came only once, so that one
    client's throw-away texts do not push out what everybody uses.
    """

    def __init__(self, schema: Schema, *, introspection: bool) -> None:
        self._schema = schema._schema
        self._rules = [*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule]
        if not introspection:
            self._rules.append(NoSchemaIntrospectionCustomRule)
        self._kept: _Shelf[Document] = _Shelf(MAX_KEPT, MAX_KEPT_TEXT)
        self._tried: _Shelf[Document] = _Shelf(200, MAX_KEPT_TEXT // 4)
        # What clients are told of texts that were refused.
        self._refused: _Shelf[list[dict[str, Any]]] = _Shelf(MAX_REFUSED, MAX_KEPT_TEXT // 4)

    def known(self, text: str) -> Document | None:
        """The document of a text that was read before. Raises Rejected for one that was refused."""
        document = self._kept.get(text)
        if document is None:
            document = self._tried.take(text)
            if document is not None:
                self._kept.put(text, document)
            elif (errors := self._refused.get(text)) is not None:
                raise Rejected(errors)
        return document

    def get(self, text: str) -> Document:
        """The document of a text, which may be new. Raises Rejected, TooComplex."""
        document = self.known(text)
        if document is None:
            try:
                document = self._read(text)
            except RequestError as refused:
                self._refused.put(text, refused.errors)
                raise
            self._tried.put(text, document)
        return document

    def _read(self, text: str) -> Document:
        try:
            tree = parse(text, max_tokens=MAX_TOKENS)
            refuse_too_complex(tree)
            errors = validate(
                self._schema, tree, self._rules, max_errors=MAX_ERRORS, hide_suggestions=True
            )
        except GraphQLSyntaxError as error:
            if "token" in error.message and str(MAX_TOKENS) in error.message:
                raise _too_many_tokens() from None
            raise Rejected.by([error]) from None
        except RecursionError:
            raise TooComplex(limit="depth") from None
        if errors:
            raise Rejected.by([e for e in errors if isinstance(e, GraphQLError)])
        return document_of(self._schema, tree)


def document_of(schema: GraphQLSchema, tree: DocumentNode) -> Document:
    """What is known of a valid document whose size was checked."""
    fragments = {d.name.value: d for d in tree.definitions if isinstance(d, FragmentDefinitionNode)}
    return Document(
        tuple(
            Operation(
                tree,
                node,
                price_of(schema, node, fragments),
                defaults_of(node),
                guesses_of(schema, node, fragments),
                Prepared(schema, node, fragments),
            )
            for node in tree.definitions
            if isinstance(node, OperationDefinitionNode)
        )
    )


class _Shelf(Generic[T]):
    """What is known of a bounded number of texts, none of them huge: those unused for longest go
    first.
    """

    def __init__(self, most: int, most_text: int) -> None:
        self._most, self._most_text = most, most_text
        self._things: OrderedDict[str, T] = OrderedDict()
        self._text = 0

    def get(self, text: str) -> T | None:
        thing = self._things.get(text)
        if thing is not None:
            self._things.move_to_end(text)
        return thing

    def take(self, text: str) -> T | None:
        thing = self._things.pop(text, None)
        if thing is not None:
            self._text -= len(text)
        return thing

    def put(self, text: str, thing: T) -> None:
        if len(text) > MAX_TEXT:
            return
        self.take(text)
        self._things[text] = thing
        self._text += len(text)
        while len(self._things) > self._most or self._text > self._most_text:
            oldest, _ = self._things.popitem(last=False)
            self._text -= len(oldest)


def _too_many_tokens() -> TooComplex:
    message = f"The query is too complex: the limit for tokens is {MAX_TOKENS}."
    return TooComplex(message, limit="tokens", max=MAX_TOKENS)

"""Documents, parsed, measured and validated once per text."""

from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar

from graphql import (
    DocumentNode,
    FieldNode,
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

from candor.engine.complexity import MAX_TOKENS, check_complexity
from candor.engine.cost import Cost, Variables, cost_of, defaults_of
from candor.engine.fast.answer import Answer, PreparedOperation
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
# Comparisons allowed when checking that fields can merge: under 0.1 s at worst, a fiftieth of what
# the default allows. Real documents need far fewer.
overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = 10_000

_INTROSPECTION = {"__schema", "__type", "__typename"}

T = TypeVar("T")


@dataclass(frozen=True)
class Operation:
    """One operation of a valid document."""

    tree: DocumentNode
    node: OperationDefinitionNode
    formula: Cost
    defaults: Variables
    guesses: int
    fast: PreparedOperation
    selections: Selections = field(default_factory=dict)
    # The answer, if it was computed and `introspects` holds.
    introspected: list[Answer] = field(default_factory=list)

    @cached_property
    def introspects(self) -> bool:
        """Whether it asks for nothing but the schema."""
        names = {
            each.name.value if isinstance(each, FieldNode) else None
            for each in self.node.selection_set.selections
        }
        about_types = names & {"__schema", "__type"}
        return self.kind is OperationType.QUERY and bool(about_types) and names <= _INTROSPECTION

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
        return self.formula.of({**self.defaults, **(variables or {})})

    @cached_property
    def _fixed_cost(self) -> int | None:
        """The cost, if it depends on no variable."""
        return None if self.formula.parts else self.formula.of({})


@dataclass(frozen=True)
class Document:
    """The operations of a valid document, in order."""

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
    """The documents of a schema by their texts, in a segmented LRU cache.

    A text sent a second time moves to the protected segment, so that the one-off texts of one
    client do not evict those that everybody uses.
    """

    def __init__(self, schema: Schema, *, introspection: bool) -> None:
        self._schema = schema._schema
        self._rules = [*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule]
        if not introspection:
            self._rules.append(NoSchemaIntrospectionCustomRule)
        self._protected: _Cache[Document] = _Cache(MAX_KEPT, MAX_KEPT_TEXT)
        self._probation: _Cache[Document] = _Cache(200, MAX_KEPT_TEXT // 4)
        # The errors of refused texts.
        self._refused: _Cache[list[dict[str, Any]]] = _Cache(MAX_REFUSED, MAX_KEPT_TEXT // 4)

    def find(self, text: str) -> Document | None:
        """The document of a text from the cache. Raises Rejected for a text refused before."""
        document = self._protected.get(text)
        if document is None:
            document = self._probation.take(text)
            if document is not None:
                self._protected.put(text, document)
            elif (errors := self._refused.get(text)) is not None:
                raise Rejected(errors)
        return document

    def get(self, text: str) -> Document:
        """The document of a text, parsed if it is new. Raises Rejected, TooComplex."""
        document = self.find(text)
        if document is None:
            try:
                document = self._parse(text)
            except RequestError as refusal:
                self._refused.put(text, refusal.errors)
                raise
            self._probation.put(text, document)
        return document

    def _parse(self, text: str) -> Document:
        try:
            tree = parse(text, max_tokens=MAX_TOKENS)
            check_complexity(tree)
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
        _part_tokens(tree)
        return document_of(self._schema, tree)


def _part_tokens(tree: DocumentNode) -> None:
    """Make the tokens forget each other.

    They would be a ring, and stay in memory after their document until a full collection.
    """
    token = tree.loc.start_token if tree.loc else None
    while token is not None:
        following, token.prev, token.next = token.next, None, None
        token = following


def document_of(schema: GraphQLSchema, tree: DocumentNode) -> Document:
    """The operations of a valid document, whose size must have been checked."""
    fragments = {d.name.value: d for d in tree.definitions if isinstance(d, FragmentDefinitionNode)}
    return Document(
        tuple(
            Operation(
                tree,
                node,
                cost_of(schema, node, fragments),
                defaults_of(node),
                guesses_of(schema, node, fragments),
                PreparedOperation(schema, node, fragments),
            )
            for node in tree.definitions
            if isinstance(node, OperationDefinitionNode)
        )
    )


class _Cache(Generic[T]):
    """An LRU cache by text, bounded in entries and in characters. Huge texts are not kept."""

    def __init__(self, most: int, most_text: int) -> None:
        self._most, self._most_text = most, most_text
        self._entries: OrderedDict[str, T] = OrderedDict()
        self._text = 0

    def get(self, text: str) -> T | None:
        entry = self._entries.get(text)
        if entry is not None:
            self._entries.move_to_end(text)
        return entry

    def take(self, text: str) -> T | None:
        entry = self._entries.pop(text, None)
        if entry is not None:
            self._text -= len(text)
        return entry

    def put(self, text: str, entry: T) -> None:
        if len(text) > MAX_TEXT:
            return
        self.take(text)
        self._entries[text] = entry
        self._text += len(text)
        while len(self._entries) > self._most or self._text > self._most_text:
            oldest, _ = self._entries.popitem(last=False)
            self._text -= len(oldest)


def _too_many_tokens() -> TooComplex:
    message = f"The query is too complex: the limit for tokens is {MAX_TOKENS}."
    return TooComplex(message, limit="tokens", max=MAX_TOKENS)

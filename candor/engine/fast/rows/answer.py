"""Which operations are answered straight, and how they are when they cannot be."""

import logging
from typing import Any

from graphql import GraphQLError, OperationType
from graphql.execution import VariableValues

from candor.engine.fast.executor import CompiledExecutor, plan_of
from candor.engine.fast.rows.codegen import Refused, Writer
from candor.engine.fast.rows.queries import QUESTIONS, Root, Unusual
from resolvers.errors import UserError
from resolvers.viewer import Viewer

log = logging.getLogger("candor.straight")


class Straight:
    """An operation of one root field that there are recipes for."""

    def __init__(self, key: str, question: Any) -> None:
        self._key = key
        self._question = question

    async def answer(self, viewer: Viewer, variables: VariableValues) -> dict[str, Any] | None:
        """The operation's data; None when anything is out of the ordinary.

        Nothing has happened then: it is a query, to be executed as every other one.
        """
        try:
            return {self._key: await self._question.answer(viewer, variables)}
        except (Unusual, UserError, GraphQLError):
            return None
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told as it always is
            log.debug("not answered straight: %r", error)
            return None


def straight_of(executor: CompiledExecutor) -> Straight | None:
    """How to answer the executor's operation straight; None when that is not possible."""
    fields = plan_of(executor)
    if fields is None or len(fields) != 1:
        return None
    (field,) = fields
    make_question = QUESTIONS.get(field.nodes[0].name.value)
    if make_question is None or executor.operation.operation is not OperationType.QUERY:
        return None
    writer = Writer(executor)
    try:
        make = writer.function(field.definition.type, field.details, *make_question.parameters)
        root = Root(executor.schema, field.definition, field.nodes[0], make)
        return Straight(field.key, make_question(root, writer))
    except Refused:
        return None
    except Exception:
        log.exception("no function could be made of an operation")
        return None

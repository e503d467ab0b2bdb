"""The way of every operation, whatever carried it here: read, priced, paid for, executed."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, NamedTuple, Self

from graphql import ExecutionResult, GraphQLError, OperationType

from candor.budgets import Budgets, Caller
from candor.deadline import Deadlines
from candor.documents import Documents, Operation
from candor.errors import (
    MethodNotAllowed,
    NeedsStream,
    RequestError,
    TooExpensive,
    TooSlow,
    shown,
)
from candor.execution import Execution
from candor.metrics import Metrics, Observation
from candor.requests import Asked
from candor.settings import Settings
from candor.tracing import Tracer
from candor.trusted_documents import TrustedDocuments
from models.announcements import FellBehind
from resolvers.errors import UserError
from resolvers.viewer import Role
from schema.api import schema
from schema.context import Context

log = logging.getLogger("candor.operations")
Body = dict[str, Any]

# A query that takes so many seconds is worth a line in the log.
SLOW = 1.0


class Answer(NamedTuple):
    """What an operation is answered with, and whether it was executed."""

    body: Body
    started: bool = True


class Operations:
    """Answers operations, within the limits and budgets of their callers."""

    def __init__(self, settings: Settings, metrics: Metrics, budgets: Budgets | None) -> None:
        self._settings = settings
        self._metrics = metrics
        self._execution = Execution(compiled=settings.compiled)
        self._tracer = Tracer(enabled=settings.opentelemetry)
        self._documents = Documents(schema, introspection=settings.introspection)
        self._trusted = TrustedDocuments(settings.trusted_documents, settings.trusted_manifest)
        self._budgets = budgets
        self.deadlines = Deadlines(settings.operation_seconds)

    async def answer(self, asked: Asked, caller: Caller, *, only_queries: bool = False) -> Answer:
        """The answer to a query or mutation. Raises RequestError for what is not executed."""
        with _Observed(self._metrics) as seen:
            operation = await self._admitted(asked, caller, seen)
            if operation.kind is OperationType.SUBSCRIPTION:
                raise NeedsStream
            if only_queries and operation.kind is not OperationType.QUERY:
                raise MethodNotAllowed(
                    "Only queries can be sent by GET.", headers={"Allow": "POST"}
                )
            return await self._executed(operation, asked, caller, seen)

    async def stream(self, asked: Asked, caller: Caller) -> AsyncGenerator[Body, None]:
        """The answers to any operation, a subscription's as they come. Raises RequestError."""
        with _Observed(self._metrics) as seen:
            operation = await self._admitted(asked, caller, seen)
            if operation.kind is not OperationType.SUBSCRIPTION:
                with self.deadlines.over():
                    answer = await self._executed(operation, asked, caller, seen)
                yield answer.body
                return
            results = await self._execution.subscribe(
                operation, asked.variables, Context(caller.viewer)
            )
            if isinstance(results, ExecutionResult):
                seen.outcome = "error"
                yield self._body(results, caller, seen)
                return
            async with aclosing(_events(results)) as events:
                async for result in events:
                    yield self._body(result, caller, seen, started=result.data is not None)

    async def failed_credential(self, address: str) -> None:
        """Count a wrong token against its sender. Raises RateLimited after too many."""
        if self._budgets is not None:
            await self._budgets.guess(address)

    async def _admitted(self, asked: Asked, caller: Caller, seen: Observation) -> Operation:
        document = self._documents.get(self._trusted.text_of(asked))
        operation = document.operation(asked.operation_name)
        seen.name, seen.kind = operation.name or "-", operation.kind_name
        seen.cost = operation.cost(asked.variables)
        most = self._most(caller)
        if seen.cost > most:
            raise TooExpensive(
                f"The operation costs {seen.cost} points; {most} are allowed at once."
                " Ask for smaller pages.",
                cost=seen.cost,
                max=most,
            )
        if self._budgets is not None:
            await self._budgets.spend(caller, cost=seen.cost, guesses=operation.guesses)
        return operation

    async def _executed(
        self, operation: Operation, asked: Asked, caller: Caller, seen: Observation
    ) -> Answer:
        context = Context(caller.viewer)
        with self._tracer.span(seen):
            result = await self._execution.execute(operation, asked.variables, context)
        started = result.data is not None or any(e.path for e in result.errors or ())
        return Answer(self._body(result, caller, seen, started=started), started)

    def _body(
        self, result: ExecutionResult, caller: Caller, seen: Observation, *, started: bool = True
    ) -> Body:
        body: Body = {}
        if result.errors:
            seen.outcome = "error"
            body["errors"] = [shown(error) for error in result.errors]
        if started:
            body["data"] = result.data
        body["extensions"] = {"cost": {"requested": seen.cost, "max": self._most(caller)}}
        return body

    def _most(self, caller: Caller) -> int:
        if caller.viewer.role is Role.ANONYMOUS:
            return self._settings.max_cost_anonymous
        return self._settings.max_cost


class _Observed(Observation):
    """Counts and logs how the operation inside ends."""

    __slots__ = ("_metrics",)

    def __init__(self, metrics: Metrics) -> None:
        super().__init__()
        self._metrics = metrics

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        if error is not None:
            if isinstance(error, RequestError):
                self.outcome = error.code
            elif isinstance(error, asyncio.CancelledError | GeneratorExit):
                self.outcome = "cancelled"
        self.seconds = time.perf_counter() - self.began
        self._metrics.finished(self)
        _tell(self)


def _tell(seen: Observation) -> None:
    """Log how an operation ended. Of what is quick and well there is too much: see the metrics."""
    seconds = seen.seconds
    ordinary = seen.kind == "query" and seen.outcome == "ok" and seconds < SLOW
    level = logging.DEBUG if ordinary else logging.INFO
    if log.isEnabledFor(level):
        extra = {
            "operation": seen.name,
            "kind": seen.kind,
            "outcome": seen.outcome,
            "cost": seen.cost,
            "milliseconds": round(seconds * 1000, 1),
        }
        log.log(level, "%s %s: %s", seen.kind, seen.name, seen.outcome, extra=extra)


async def _events(results: AsyncIterator[ExecutionResult]) -> AsyncGenerator[ExecutionResult, None]:
    """The events of a subscription. What its source refuses is its last event."""
    try:
        async for result in results:
            yield result
    except UserError as refused:
        yield ExecutionResult(None, [GraphQLError(refused.message, original_error=refused)])
    except FellBehind:
        raise TooSlow from None
    finally:
        close = getattr(results, "aclose", None)
        if close is not None:
            await close()

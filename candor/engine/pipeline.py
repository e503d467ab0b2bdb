"""The path of every operation, over any transport: admitted, charged, executed, logged."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, nullcontext
from typing import Any, NamedTuple, Self

import orjson
from graphql import ExecutionResult, GraphQLError, OperationType

from candor.callers.budgets import Budgets, Caller
from candor.engine.admission import Admission
from candor.engine.deadline import Deadlines
from candor.engine.documents import Operation
from candor.engine.execution import Execution
from candor.engine.fast.answer_length import TooLong
from candor.engine.request import GraphQLRequest
from candor.errors import (
    REFUSAL_COST,
    EventsMissed,
    MethodNotAllowed,
    NeedsStream,
    RequestError,
    TooExpensive,
    TooSlow,
)
from candor.masking import public_error
from candor.operating.metrics import Metrics, Observation
from candor.operating.tracing import Tracer
from candor.settings import Settings
from models.announcements import FellBehind, Missed
from resolvers.errors import DatabaseUnavailable, OutcomeUnknown, Refusal, ScanTimeout
from schema.context import Context

log = logging.getLogger("candor.operations")
Body = dict[str, Any]

OUTAGES = {DatabaseUnavailable.code, OutcomeUnknown.code, ScanTimeout.code}
# Seconds. A slower query is logged at INFO.
SLOW = 1.0


class Answer(NamedTuple):
    """The response body of an operation, and whether its execution started."""

    body: Body
    started: bool = True

    @property
    def is_outage(self) -> bool:
        return any(error["extensions"]["code"] in OUTAGES for error in self.body.get("errors", ()))


class Operations:
    """Answers operations, within the limits and budgets of their callers."""

    def __init__(self, settings: Settings, metrics: Metrics, budgets: Budgets | None) -> None:
        self._max_answer = settings.max_answer
        self._metrics = metrics
        self._execution = Execution(compiled=settings.compiled, most=settings.max_answer)
        self._tracer = Tracer() if settings.opentelemetry else None
        self.admission = Admission(settings, budgets)
        self.deadlines = Deadlines(settings.operation_seconds)

    async def answer(
        self, request: GraphQLRequest, caller: Caller, *, only_queries: bool = False
    ) -> Answer:
        """The answer to a query or mutation. Raises RequestError if it is not executed."""
        with _Observed(self._metrics) as observation:
            operation = await self.admission.admit(request, caller, observation)
            if operation.kind is OperationType.SUBSCRIPTION:
                raise NeedsStream
            if only_queries and operation.kind is not OperationType.QUERY:
                raise MethodNotAllowed(
                    "Only queries can be sent by GET.", headers={"Allow": "POST"}
                )
            return await self._execute(operation, request, caller, observation)

    async def stream(self, request: GraphQLRequest, caller: Caller) -> AsyncGenerator[Body, None]:
        """The answer to any operation, or the answers of a subscription. Raises RequestError."""
        try:
            with _Observed(self._metrics) as observation:
                async with aclosing(self._results(request, caller, observation)) as bodies:
                    async for body in bodies:
                        yield body
        except RequestError as error:
            raise await self.admission.charge_refusal(error, caller) from None

    async def _results(
        self, request: GraphQLRequest, caller: Caller, observation: Observation
    ) -> AsyncGenerator[Body, None]:
        operation = await self.admission.admit(request, caller, observation)
        if operation.kind is not OperationType.SUBSCRIPTION:
            with self.deadlines.start():
                answer = await self._execute(operation, request, caller, observation)
            yield answer.body
            return
        results = await self._execution.subscribe(
            operation, request.variables, Context(caller.viewer, operation.selections)
        )
        if isinstance(results, ExecutionResult):
            await self.admission.charge(caller, REFUSAL_COST)
            yield self._body(results, caller, observation, started=False)
            return
        async with aclosing(_events(results)) as events:
            try:
                async for result in events:
                    yield self._body(result, caller, observation, started=result.data is not None)
            except TooLong:
                raise self._too_long() from None

    async def _execute(
        self,
        operation: Operation,
        request: GraphQLRequest,
        caller: Caller,
        observation: Observation,
    ) -> Answer:
        context = Context(caller.viewer, operation.selections)
        try:
            with self._tracer.span(observation) if self._tracer else nullcontext():
                result, by = await self._execution.execute(operation, request.variables, context)
            started = result.data is not None or any(e.path for e in result.errors or ())
            if started:
                observation.answered_by = by
            else:  # variables were wrong
                await self.admission.charge(caller, REFUSAL_COST)
            return Answer(self._body(result, caller, observation, started=started), started)
        except TooLong:
            if operation.kind is not OperationType.MUTATION:
                raise self._too_long() from None
            return Answer(
                self._body(ExecutionResult(None, [self._lost_result()]), caller, observation)
            )

    def _body(
        self,
        result: ExecutionResult,
        caller: Caller,
        observation: Observation,
        *,
        started: bool = True,
    ) -> Body:
        """Raises TooLong."""
        body: Body = {}
        if result.errors:
            observation.outcome = "error"
            body["errors"] = [public_error(error) for error in result.errors]
        if started:
            data = orjson.dumps(result.data)
            if len(data) > self._max_answer:
                raise TooLong
            body["data"] = orjson.Fragment(data)
        body["extensions"] = {
            "cost": {"requested": observation.cost, "max": self.admission.max_cost(caller)}
        }
        return body

    def _too_long(self) -> TooExpensive:
        error = TooExpensive(
            f"The answer is longer than {self._max_answer} bytes. Ask for less at once.",
            maxBytes=self._max_answer,
        )
        error.cost = 0  # already paid for by its execution
        return error

    def _lost_result(self) -> GraphQLError:
        """The error of a mutation that was carried out but whose result is too long to send."""
        return GraphQLError(
            f"The mutation was carried out, but its answer is longer than {self._max_answer} bytes"
            " and cannot be sent. Of several, those that follow were not. Look at what is stored"
            " before you send it again.",
            extensions={"code": TooExpensive.code, "maxBytes": self._max_answer},
        )


class _Observed(Observation):
    """Counts and logs how the operation inside the block ends."""

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
        _log_end(self)


def _log_end(observation: Observation) -> None:
    """Log how an operation ended. Fast successful queries are at DEBUG: metrics cover them."""
    seconds = observation.seconds
    ordinary = observation.kind == "query" and observation.outcome == "ok" and seconds < SLOW
    level = logging.DEBUG if ordinary else logging.INFO
    if log.isEnabledFor(level):
        extra = {
            "operation": observation.name,
            "kind": observation.kind,
            "outcome": observation.outcome,
            "cost": observation.cost,
            "milliseconds": round(seconds * 1000, 1),
        }
        log.log(
            level, "%s %s: %s", observation.kind, observation.name, observation.outcome, extra=extra
        )


async def _events(results: AsyncIterator[ExecutionResult]) -> AsyncGenerator[ExecutionResult, None]:
    """The events of a subscription. A refusal by its source becomes the last event."""
    try:
        async for result in results:
            yield result
    except Refusal as refused:
        yield ExecutionResult(None, [GraphQLError(refused.message, original_error=refused)])
    except FellBehind:
        raise TooSlow from None
    except Missed:
        raise EventsMissed from None
    finally:
        close = getattr(results, "aclose", None)
        if close is not None:
            await close()

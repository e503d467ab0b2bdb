"""The path of every operation, over any transport: admitted, charged, executed, logged."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, nullcontext
from functools import partial
from typing import Any, NamedTuple, Self

import orjson
from graphql import ExecutionResult, GraphQLError, OperationType

from candor.callers.budgets import Budgets, Caller
from candor.callers.under_way import UnderWay
from candor.engine.admission import Admission
from candor.engine.answer_body import Body
from candor.engine.audiences import Audience, Audiences
from candor.engine.deadline import Deadlines
from candor.engine.documents import Operation
from candor.engine.execution import Execution
from candor.engine.fast.answer_length import TooLong
from candor.engine.request import GraphQLRequest
from candor.errors import (
    REFUSAL_COST,
    MethodNotAllowed,
    NeedsStream,
    RequestError,
    TooExpensive,
)
from candor.masking import public_error
from candor.operating.metrics import Metrics, Observation
from candor.operating.tracing import Tracer
from candor.settings import Settings
from resolvers.errors import DatabaseUnavailable, OutcomeUnknown, ScanTimeout
from schema.context import Context

log = logging.getLogger("candor.operations")

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
        self._under_way = UnderWay(budgets)
        self.deadlines = Deadlines(settings.operation_seconds)
        self._audiences = Audiences()

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
            async with self._under_way.turn(caller, observation.cost):
                return await self._execute(operation, request, caller, observation)

    async def stream(
        self, request: GraphQLRequest, caller: Caller
    ) -> AsyncGenerator[list[Body], None]:
        """The answer to any operation, or the answers of a subscription, all that wait together.

        Raises RequestError.
        """
        try:
            with _Observed(self._metrics) as observation:
                async with aclosing(self._results(request, caller, observation)) as results:
                    async for bodies in results:
                        yield bodies
        except RequestError as error:
            raise await self.admission.charge_refusal(error, caller) from None

    async def _results(
        self, request: GraphQLRequest, caller: Caller, observation: Observation
    ) -> AsyncGenerator[list[Body], None]:
        operation = await self.admission.admit(request, caller, observation)
        if operation.kind is not OperationType.SUBSCRIPTION:
            with self.deadlines.start():
                async with self._under_way.turn(caller, observation.cost):
                    answer = await self._execute(operation, request, caller, observation)
            yield [answer.body]
            return
        gather = partial(self._gather, operation, request, caller, observation.cost)
        try:
            async with self._audiences.joined(
                operation, request.variables, (caller.viewer, caller.language), gather
            ) as subscriber:
                while bodies := await subscriber.take():
                    if any("errors" in body for body in bodies):
                        observation.outcome = "error"
                    yield bodies
        except _NotStarted as refused:
            await self.admission.charge(caller, REFUSAL_COST)
            observation.outcome = "error"
            yield [refused.body]

    async def _gather(
        self, operation: Operation, request: GraphQLRequest, caller: Caller, cost: int
    ) -> Audience:
        """A new audience of a subscription. Raises _NotStarted."""
        context = Context(caller.viewer, operation.selections, caller.language)
        results = await self._execution.subscribe(operation, request.variables, context)
        make = partial(self._body, caller=caller, cost=cost)
        if isinstance(results, ExecutionResult):
            raise _NotStarted(make(results, started=False))
        return Audience(operation, results, make, self._too_long)

    async def _execute(
        self,
        operation: Operation,
        request: GraphQLRequest,
        caller: Caller,
        observation: Observation,
    ) -> Answer:
        context = Context(caller.viewer, operation.selections, caller.language)
        try:
            with self._tracer.span(observation) if self._tracer else nullcontext():
                result, by = await self._execution.execute(operation, request.variables, context)
            started = result.data is not None or any(e.path for e in result.errors or ())
            if started:
                observation.answered_by = by
            else:  # variables were wrong
                await self.admission.charge(caller, REFUSAL_COST)
            return self._answer(result, caller, observation, started=started)
        except TooLong:
            if operation.kind is not OperationType.MUTATION:
                raise self._too_long() from None
            return self._answer(ExecutionResult(None, [self._lost_result()]), caller, observation)

    def _answer(
        self,
        result: ExecutionResult,
        caller: Caller,
        observation: Observation,
        *,
        started: bool = True,
    ) -> Answer:
        """Raises TooLong."""
        if result.errors:
            observation.outcome = "error"
        body = self._body(result, caller=caller, cost=observation.cost, started=started)
        return Answer(body, started)

    def _body(
        self, result: ExecutionResult, *, caller: Caller, cost: int, started: bool = True
    ) -> Body:
        """Raises TooLong."""
        body = Body()
        if result.errors:
            body["errors"] = [public_error(error) for error in result.errors]
        if started:
            data = orjson.dumps(result.data)
            if len(data) > self._max_answer:
                raise TooLong
            body["data"] = orjson.Fragment(data)
        body["extensions"] = {"cost": {"requested": cost, "max": self.admission.max_cost(caller)}}
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


class _NotStarted(Exception):
    """A subscription does not begin; its only answer says why."""

    def __init__(self, body: Body) -> None:
        super().__init__()
        self.body = body


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

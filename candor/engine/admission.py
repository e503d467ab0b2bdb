"""Decides which operations run, and charges their callers for them and for refusals."""

import asyncio

from candor.callers.body_limits import MAX_BODY
from candor.callers.budgets import Budgets, Caller
from candor.engine.document_reading import DocumentParser, parsing_cost
from candor.engine.documents import Document, Documents, Operation
from candor.engine.request import GraphQLRequest
from candor.engine.trusted_documents import TrustedDocuments
from candor.errors import BodyTooLarge, RateLimited, RequestError, TooExpensive
from candor.operating.metrics import Observation
from candor.settings import Settings
from resolvers.viewer import Role
from schema.api import schema

REFUSAL_DELAY = 0.05  # seconds


class Admission:
    """Admits operations that are within the limits and the budgets of their callers."""

    def __init__(self, settings: Settings, budgets: Budgets | None) -> None:
        self._settings = settings
        self._budgets = budgets
        self._documents = Documents(schema, introspection=settings.introspection)
        self._parser = DocumentParser(self._documents)
        self._trusted = TrustedDocuments(settings.trusted_documents, settings.trusted_manifest)

    async def admit(
        self, request: GraphQLRequest, caller: Caller, observation: Observation
    ) -> Operation:
        """The requested operation, already paid for. Raises RequestError.

        MAX_BODY holds for the text of every operation, even where the body may be larger.

        A new text is paid for before it is parsed. If it is accepted, that payment counts towards
        the cost of the operation.
        """
        text, paid = self._trusted.text_of(request), 0
        if len(text) > MAX_BODY:
            raise BodyTooLarge("The operation is too long: send values in variables.", max=MAX_BODY)
        try:
            document = self._documents.find(text)
        except RequestError as refusal:
            refusal.cost = parsing_cost(text)
            raise
        if document is None:
            paid = parsing_cost(text)
            document = await self._parse_new(text, caller, paid)
        operation = document.operation(request.operation_name)
        observation.name, observation.kind = operation.name or "-", operation.kind_name
        observation.cost = operation.cost(request.variables)
        most = self.max_cost(caller)
        if observation.cost > most:
            raise TooExpensive(
                f"The operation costs {observation.cost} points; {most} are allowed at once."
                " Ask for smaller pages.",
                cost=observation.cost,
                max=most,
            )
        if self._budgets is not None:
            due = max(observation.cost, 1) - paid
            await self._budgets.spend(caller, cost=due, guesses=operation.guesses)
        return operation

    async def _parse_new(self, text: str, caller: Caller, cost: int) -> Document:
        await self.charge(caller, cost)
        try:
            return await self._parser.parse(text, caller.address)
        except RequestError as refusal:
            refusal.cost = 0
            raise

    async def charge(self, caller: Caller, points: int) -> None:
        """Take points from a caller's budget, if there are budgets. Raises RateLimited."""
        if self._budgets is not None:
            await self._budgets.spend(caller, cost=points, guesses=0)

    async def charge_refusal(self, error: RequestError, caller: Caller) -> RequestError:
        """Charge the caller for a refusal. Gives the error to send: this one, or RateLimited.

        Where there are budgets, it waits for REFUSAL_DELAY: then a client that causes nothing but
        refusals, on many connections at once, leaves time for others until its budget is spent.
        """
        if self._budgets is None or isinstance(error, RateLimited):
            return error
        try:
            await self.charge(caller, error.cost)
        except RateLimited as exhausted:
            return exhausted
        await asyncio.sleep(REFUSAL_DELAY)
        return error

    def max_cost(self, caller: Caller) -> int:
        """The points that one operation of this caller may cost."""
        if caller.viewer.role is Role.ANONYMOUS:
            return self._settings.max_cost_anonymous
        return self._settings.max_cost

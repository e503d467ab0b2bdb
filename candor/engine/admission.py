"""Which operations are executed, and what each costs its caller: refusals, too."""

import asyncio

from candor.callers.body_limits import MAX_BODY
from candor.callers.budgets import Budgets, Caller
from candor.engine.document_reading import Reading, price_of_reading
from candor.engine.documents import Document, Documents, Operation
from candor.engine.request import Asked
from candor.engine.trusted_documents import TrustedDocuments
from candor.errors import BodyTooLarge, RateLimited, RequestError, TooExpensive
from candor.operating.metrics import Observation
from candor.settings import Settings
from resolvers.viewer import Role
from schema.api import schema

_MOMENT = 0.05


class Admission:
    """Admits operations that are within the limits and the budgets of their callers."""

    def __init__(self, settings: Settings, budgets: Budgets | None) -> None:
        self._settings = settings
        self._budgets = budgets
        self._documents = Documents(schema, introspection=settings.introspection)
        self._reading = Reading(self._documents)
        self._trusted = TrustedDocuments(settings.trusted_documents, settings.trusted_manifest)

    async def admit(self, asked: Asked, caller: Caller, seen: Observation) -> Operation:
        """The operation that is asked for, paid for. Raises RequestError.

        However large the body may be, the operation itself is no longer than anybody's.

        A text that is new is paid for before it is read; when it is accepted, that counts towards
        the operation's cost.
        """
        text, paid = self._trusted.text_of(asked), 0
        if len(text) > MAX_BODY:
            raise BodyTooLarge("The operation is too long: send values in variables.", max=MAX_BODY)
        try:
            document = self._documents.known(text)
        except RequestError as refused:
            refused.cost = price_of_reading(text)
            raise
        if document is None:
            paid = price_of_reading(text)
            document = await self._read(text, caller, paid)
        operation = document.operation(asked.operation_name)
        seen.name, seen.kind = operation.name or "-", operation.kind_name
        seen.cost = operation.cost(asked.variables)
        most = self.most(caller)
        if seen.cost > most:
            raise TooExpensive(
                f"The operation costs {seen.cost} points; {most} are allowed at once."
                " Ask for smaller pages.",
                cost=seen.cost,
                max=most,
            )
        if self._budgets is not None:
            due = max(seen.cost, 1) - paid
            await self._budgets.spend(caller, cost=due, guesses=operation.guesses)
        return operation

    async def _read(self, text: str, caller: Caller, price: int) -> Document:
        await self.charge(caller, price)
        try:
            return await self._reading.read(text, caller.address)
        except RequestError as refused:
            refused.cost = 0
            raise

    async def charge(self, caller: Caller, points: int) -> None:
        """Take points from a caller's budget, if there are budgets. Raises RateLimited."""
        if self._budgets is not None:
            await self._budgets.spend(caller, cost=points, guesses=0)

    async def refused(self, error: RequestError, caller: Caller) -> RequestError:
        """What a caller is told who is refused: that, or that there is nothing left to pay it.

        Where there are budgets, it takes a moment: whoever asks for nothing but refusals, on many
        connections at once, leaves time for all others until the budget is spent.
        """
        if self._budgets is None or isinstance(error, RateLimited):
            return error
        try:
            await self.charge(caller, error.cost)
        except RateLimited as spent:
            return spent
        await asyncio.sleep(_MOMENT)
        return error

    def most(self, caller: Caller) -> int:
        """The points that one operation of the caller may cost."""
        if caller.viewer.role is Role.ANONYMOUS:
            return self._settings.max_cost_anonymous
        return self._settings.max_cost

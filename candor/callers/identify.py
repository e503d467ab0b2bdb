"""Identifies callers, over HTTP and over a socket."""

from starlette.types import Scope

from candor.callers.budgets import Budgets, Caller
from candor.callers.tokens import BadToken, TokenVerifier
from candor.errors import Outage, Unauthenticated
from models.unavailable import Unavailable


class Identifier:
    """Identifies callers by their credentials, and counts wrong ones as guesses."""

    def __init__(self, verifier: TokenVerifier, budgets: Budgets | None) -> None:
        self._verifier = verifier
        self._budgets = budgets

    async def identify(self, scope: Scope, authorization: str | None) -> Caller:
        """The caller with this credential; without one, an anonymous caller.

        Raises Unauthenticated, RateLimited, Outage.
        """
        address = anonymous_caller(scope).address
        if not authorization:
            return Caller(address=address)
        try:
            return Caller(await self._verifier.viewer(authorization), address)
        except BadToken as error:
            if self._budgets is not None:
                await self._budgets.guess(address)
            raise _unauthenticated(error) from None
        except Unavailable as error:
            raise Outage.of(error) from None

    async def recheck(self, authorization: str | None) -> None:
        """Raises Unauthenticated if the credential is no longer valid."""
        try:
            await self._verifier.viewer(authorization)
        except BadToken as error:
            raise _unauthenticated(error) from None


def _unauthenticated(error: BadToken) -> Unauthenticated:
    return Unauthenticated(str(error), headers={"WWW-Authenticate": "Bearer"})


def anonymous_caller(scope: Scope) -> Caller:
    """The caller, known by the address only."""
    client = scope.get("client")
    return Caller(address=client[0] if client else "")

"""Identifies callers, over HTTP and over a socket."""

from starlette.datastructures import Headers
from starlette.types import Scope

from candor import languages
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
        caller = anonymous_caller(scope)
        if not authorization:
            return caller
        try:
            return caller._replace(viewer=await self._verifier.viewer(authorization))
        except BadToken as error:
            if self._budgets is not None:
                await self._budgets.guess(caller.address)
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
    """The caller, known by address and language only."""
    client = scope.get("client")
    accepted = Headers(scope=scope).get("accept-language")
    return Caller(address=client[0] if client else "", language=languages.chosen(accepted))

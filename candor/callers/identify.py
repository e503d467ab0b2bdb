"""Who is calling, over HTTP or over a socket."""

from starlette.types import Scope

from candor.callers.budgets import Budgets, Caller
from candor.callers.tokens import BadToken, Gatekeeper
from candor.errors import Outage, Unauthenticated
from models.unavailable import Unavailable


class Callers:
    """Knows callers by their credentials and counts those that are wrong."""

    def __init__(self, gatekeeper: Gatekeeper, budgets: Budgets | None) -> None:
        self._gatekeeper = gatekeeper
        self._budgets = budgets

    async def identify(self, scope: Scope, authorization: str | None) -> Caller:
        """The caller with this credential, or nobody.

        Raises Unauthenticated, RateLimited, Outage.
        """
        address = stranger(scope).address
        if not authorization:
            return Caller(address=address)
        try:
            return Caller(await self._gatekeeper.viewer(authorization), address)
        except BadToken as error:
            if self._budgets is not None:
                await self._budgets.guess(address)
            raise _unauthenticated(error) from None
        except Unavailable as trouble:
            raise Outage.of(trouble) from None

    async def look_again(self, authorization: str | None) -> None:
        """Raises Unauthenticated, when a credential that was good is not any more."""
        try:
            await self._gatekeeper.viewer(authorization)
        except BadToken as error:
            raise _unauthenticated(error) from None


def _unauthenticated(error: BadToken) -> Unauthenticated:
    return Unauthenticated(str(error), headers={"WWW-Authenticate": "Bearer"})


def stranger(scope: Scope) -> Caller:
    """Whoever is at the other end, before anything else is known of them."""
    client = scope.get("client")
    return Caller(address=client[0] if client else "")

"""Who is calling, over HTTP or over a socket."""

from starlette.requests import HTTPConnection

from candor.budgets import Caller
from candor.errors import Unauthenticated
from candor.operations import Operations
from candor.tokens import BadToken, Gatekeeper


class Callers:
    """Knows callers by their credentials and counts those that are wrong."""

    def __init__(self, gatekeeper: Gatekeeper, operations: Operations) -> None:
        self._gatekeeper = gatekeeper
        self._operations = operations

    async def identify(self, connection: HTTPConnection, authorization: str | None) -> Caller:
        """The caller with this credential, or nobody. Raises Unauthenticated, RateLimited."""
        address = connection.client.host if connection.client else ""
        try:
            return Caller(await self._gatekeeper.viewer(authorization), address)
        except BadToken as error:
            await self._operations.failed_credential(address)
            raise Unauthenticated(str(error), headers={"WWW-Authenticate": "Bearer"}) from None

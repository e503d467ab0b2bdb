"""Errors of requests, with stable codes."""

from typing import Any, ClassVar

from graphql import GraphQLError, GraphQLSyntaxError

from models.unavailable import Unavailable
from resolvers import outages
from resolvers.errors import Refusal

RETRY_HEADERS = {"Retry-After": "5"}
REFUSAL_COST = 10  # points, for a refusal that takes little work


class RequestError(Exception):
    """This is no request that can be answered."""

    # Sent with every media type; None: depends on the type, see `graphql_over_http.status_of`.
    status: ClassVar[int | None] = 400
    code: str = "BAD_REQUEST"
    # Points that the caller still has to pay for it.
    cost: int = REFUSAL_COST

    def __init__(
        self, message: str | None = None, headers: dict[str, str] | None = None, **figures: Any
    ) -> None:
        self.message = message or " ".join((type(self).__doc__ or "").split())
        self.headers = headers or {}
        self.figures = figures
        super().__init__(self.message)

    @property
    def errors(self) -> list[dict[str, Any]]:
        return [{"message": self.message, "extensions": {"code": self.code, **self.figures}}]


class BadRequest(RequestError):
    """The request is not formed as GraphQL over HTTP asks for."""


class Unauthenticated(RequestError):
    """The token is not valid here."""

    status = 401
    code = "UNAUTHENTICATED"
    cost = 0  # it was a guess


class CrossSite(RequestError):
    """Send a POST, or add GraphQL-Require-Preflight: 1 to a GET from another site."""

    status = 403
    code = "CSRF_PREVENTED"


class MethodNotAllowed(RequestError):
    """Send a POST, or a GET for a query."""

    status = 405
    code = "METHOD_NOT_ALLOWED"


class NotAcceptable(RequestError):
    """Accept application/graphql-response+json, application/json or text/event-stream."""

    status = 406
    code = "NOT_ACCEPTABLE"


class BodyTooLarge(RequestError):
    """The body is too large: send less at once."""

    status = 413
    code = "BODY_TOO_LARGE"


class UnsupportedMediaType(RequestError):
    """Send Content-Type: application/json, in UTF-8 and not compressed."""

    status = 415
    code = "UNSUPPORTED_MEDIA_TYPE"


class RateLimited(RequestError):
    """You have used up your budget for now."""

    status = 429
    code = "RATE_LIMITED"
    cost = 0


class TooManyStreams(RequestError):
    """Too many live connections are open."""

    status = 429
    code = "TOO_MANY_STREAMS"


class ServerEnds(RequestError):
    """This server ends now. Ask again: another one answers."""

    status = 503
    code = "SERVER_ENDS"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, headers={"Retry-After": "1"})


class TooSlow(RequestError):
    """Events came faster than you took them, and some are lost."""

    code = "TOO_SLOW"
    cost = 0


class EventsMissed(RequestError):
    """Events may have been missed. Ask for what you show, and subscribe again."""

    status = 503
    code = "EVENTS_MISSED"
    cost = 0


class OperationTimeout(RequestError):
    """The operation took too long and was stopped. Nothing of it was stored."""

    status = 503
    code = "OPERATION_TIMEOUT"
    cost = 0


class Outage(RequestError):
    """The database cannot be used for now, or did not say what it did."""

    status = 503
    cost = 0

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message, headers=RETRY_HEADERS)
        self.code = refusal.code

    @classmethod
    def of(cls, outage: Unavailable) -> "Outage":
        """The outage as the client sees it. Logs it as well."""
        return cls(outages.refusal_of(outage))


class ValidationFailed(RequestError):
    """The operation is refused before it is executed."""

    status = None
    code = "BAD_REQUEST"


class TooComplex(ValidationFailed):
    """The document is too large or too deeply nested."""

    code = "QUERY_TOO_COMPLEX"


class TooExpensive(ValidationFailed):
    """The operation asks for too much at once."""

    code = "QUERY_TOO_EXPENSIVE"


class OperationNameRequired(ValidationFailed):
    """Must provide operation name if query contains multiple operations."""

    code = "OPERATION_NAME_REQUIRED"


class OperationNotFound(ValidationFailed):
    """The document holds no operation of this name."""

    code = "OPERATION_NOT_FOUND"


class NeedsStream(ValidationFailed):
    """Subscribe over WebSocket (graphql-transport-ws), or accept text/event-stream."""

    code = "SUBSCRIPTION_NEEDS_STREAM"


class PersistedQueryNotSupported(ValidationFailed):
    """PersistedQueryNotSupported"""

    code = "PERSISTED_QUERY_NOT_SUPPORTED"


class PersistedQueryNotFound(ValidationFailed):
    """PersistedQueryNotFound"""

    code = "PERSISTED_QUERY_NOT_FOUND"


class NotTrusted(ValidationFailed):
    """Only documents of the trusted manifest are executed here."""

    code = "DOCUMENT_NOT_TRUSTED"


class Rejected(ValidationFailed):
    """The document is not valid; each error tells what and where."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        # Formatted, so that they can be cached without the document's syntax tree.
        super().__init__()
        self.code = errors[0]["extensions"]["code"]
        self._errors = errors

    @classmethod
    def by(cls, errors: list[GraphQLError]) -> "Rejected":
        return cls([formatted(error, _code_of(error)) for error in errors])

    @property
    def errors(self) -> list[dict[str, Any]]:
        return self._errors


_MAX_MESSAGE = 1_000


def _code_of(error: GraphQLError) -> str:
    if isinstance(error, GraphQLSyntaxError):
        return "GRAPHQL_PARSE_FAILED"
    return "GRAPHQL_VALIDATION_FAILED"


def formatted(error: GraphQLError, code: str, **figures: Any) -> dict[str, Any]:
    """An error as in a response, with a code; a long message is cut."""
    answer: dict[str, Any] = dict(error.formatted)
    if len(error.message) > _MAX_MESSAGE:  # it quotes the client's input
        answer["message"] = f"{error.message[:_MAX_MESSAGE]}…"
    answer["extensions"] = {"code": code, **(error.extensions or {}), **figures}
    return answer

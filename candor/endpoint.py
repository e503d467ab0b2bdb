"""GraphQL over HTTP: JSON in, JSON out."""

import logging
import secrets
from typing import Any

import orjson
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response

from candor.tokens import BadToken, Gatekeeper
from schema.api import schema
from schema.context import Context
from schema.errors import as_error, refusal

log = logging.getLogger("candor")


class BadRequest(Exception):
    """A request that is no GraphQL request."""


class GraphQLEndpoint:
    """Answers operations at one address."""

    def __init__(self, gatekeeper: Gatekeeper) -> None:
        self._gatekeeper = gatekeeper

    async def answer(self, request: Request) -> Response:
        try:
            viewer = await self._gatekeeper.viewer(request.headers.get("authorization"))
            query, variables, operation_name = await _read(request)
        except BadToken as error:
            return _failed(401, "UNAUTHENTICATED", str(error), {"WWW-Authenticate": "Bearer"})
        except BadRequest as error:
            return _failed(400, "BAD_REQUEST", str(error))
        result = await schema.execute(
            query,
            variable_values=variables,
            operation_name=operation_name,
            context_value=Context(viewer),
        )
        answer: dict[str, Any] = {}
        if result.errors:
            answer["errors"] = [_shown(error).formatted for error in result.errors]
        if result.data is not None or not result.errors or any(e.path for e in result.errors):
            answer["data"] = result.data
        return _json(answer, 200)


async def _read(request: Request) -> tuple[str, dict[str, Any] | None, str | None]:
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        raise BadRequest("The body must be JSON.") from None
    if not isinstance(body, dict) or not isinstance(body.get("query"), str):
        raise BadRequest("The body must be a JSON object with a query.")
    variables = body.get("variables")
    if variables is not None and not isinstance(variables, dict):
        raise BadRequest("The variables must be a JSON object.")
    return body["query"], variables, body.get("operationName")


def _shown(error: GraphQLError) -> GraphQLError:
    refused = refusal(error)
    if refused is not None:
        return as_error(error, refused)
    if error.original_error is None or isinstance(error.original_error, GraphQLError):
        error.extensions = {"code": "GRAPHQL_VALIDATION_FAILED", **(error.extensions or {})}
        return error
    error_id = secrets.token_hex(8)
    log.error("error %s at %s", error_id, error.path, exc_info=error.original_error)
    return GraphQLError(
        "Something went wrong on our side.",
        nodes=error.nodes,
        path=error.path,
        extensions={"code": "INTERNAL_SERVER_ERROR", "errorId": error_id},
    )


def _failed(
    status: int, code: str, message: str, headers: dict[str, str] | None = None
) -> Response:
    answer = {"errors": [{"message": message, "extensions": {"code": code}}]}
    return _json(answer, status, headers)


def _json(answer: Any, status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(answer), status, headers, "application/json")

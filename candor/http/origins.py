"""The sites whose pages may send requests from a browser (CORS), and the headers they may use."""

import re

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from candor.settings import Settings
from candor.settings.values import origin_of

# Front ends in development.
_LOCAL = re.compile(r"http://(?:localhost|127\.0\.0\.1)(?::[0-9]{1,5})?")
# Headers that a page of another site can send only after a preflight.
PREFLIGHTED = ("GraphQL-Require-Preflight", "Apollo-Require-Preflight", "X-Apollo-Operation-Name")
# Headers that client libraries add: if one is not allowed, the browser sends nothing.
_ADDED = {
    "Apollo": ["apollographql-client-name", "apollographql-client-version"],
    "Sentry": ["sentry-trace", "baggage"],
    "OpenTelemetry": ["traceparent", "tracestate"],
}


class Origins:
    """The allowed sites: those configured, our own, and in development all on this machine."""

    def __init__(self, settings: Settings) -> None:
        self._named = settings.cors_origins
        self._own = origin_of(settings.public_url)
        self._local = None if settings.production else _LOCAL

    def __contains__(self, origin: str | None) -> bool:
        if origin is None:
            return False
        local = self._local is not None and self._local.fullmatch(origin) is not None
        return local or origin == self._own or origin in self._named

    def middleware(self) -> list[Middleware]:
        """The CORS middleware. Tokens are sent in headers; there are no cookies."""
        if not self._named and self._local is None:
            return []
        return [
            Middleware(
                CORSMiddleware,
                allow_origins=self._named,
                allow_origin_regex=self._local.pattern if self._local else None,
                allow_methods=["GET", "POST"],
                allow_headers=[
                    "Authorization",
                    "Content-Type",
                    "X-Request-ID",
                    *PREFLIGHTED,
                    *(name for names in _ADDED.values() for name in names),
                ],
                expose_headers=["Retry-After", "X-Request-ID"],
                max_age=600,
            )
        ]

"""The sites whose pages may ask from a browser, and what they may send."""

import re

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from candor.settings import Settings
from candor.settings.values import origin_of

# Where front ends are while they are developed.
_LOCAL = re.compile(r"http://(?:localhost|127\.0\.0\.1)(?::[0-9]{1,5})?")
# Headers that a page of another site cannot send before the browser has asked us for permission.
PREFLIGHTED = ("GraphQL-Require-Preflight", "Apollo-Require-Preflight", "X-Apollo-Operation-Name")
# What clients add by themselves: one header that is not allowed, and the browser sends nothing.
_ADDED = {
    "Apollo": ["apollographql-client-name", "apollographql-client-version"],
    "Sentry": ["sentry-trace", "baggage"],
    "OpenTelemetry": ["traceparent", "tracestate"],
}


class Origins:
    """Knows the sites: those named, our own, and in development all of this machine."""

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
        """Lets their pages ask, with tokens in headers; cookies play no part here."""
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

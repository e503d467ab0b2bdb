"""Logs the errors that a worker survives."""

import logging

from models.unavailable import Unavailable

_log = logging.getLogger("candor.mail")


class ErrorLog:
    """Logs every error, but an unavailable database only once per outage."""

    def __init__(self) -> None:
        self._in_outage = False

    def report(self, what: str, error: Exception) -> None:
        if not isinstance(error, Unavailable):
            _log.error(what, exc_info=error)
        elif not self._in_outage:
            self._in_outage = True
            _log.warning("%s, it waits for the database: %s", what, error.reason)

    def outage_is_over(self) -> None:
        self._in_outage = False

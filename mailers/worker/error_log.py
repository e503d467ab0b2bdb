"""What the log is told of errors that no worker dies of."""

import logging

from models.unavailable import Unavailable

_log = logging.getLogger("candor.mail")


class Misfortune:
    """Tells of each error, but of a database that is away once, when that begins."""

    def __init__(self) -> None:
        self._waits = False

    def tell(self, what: str, error: Exception) -> None:
        if not isinstance(error, Unavailable):
            _log.error(what, exc_info=error)
        elif not self._waits:
            self._waits = True
            _log.warning("%s, it waits for the database: %s", what, error.reason)

    def is_over(self) -> None:
        self._waits = False

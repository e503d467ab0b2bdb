"""The end of a process that was told to stop: it comes, whatever hangs."""

import faulthandler

# How long what was cut at the end of the grace may take to put its things away, and how long
# after the grace the process is gone.
CLOSING_SECONDS, GONE_SECONDS = 0.6, 1.4
_STDERR = 2


def gone_after(grace: float) -> None:
    """From now on this process has so many seconds, and a moment to close what it uses.

    What it still does then is told on standard error, and it exits with 1.
    """
    faulthandler.dump_traceback_later(grace + GONE_SECONDS, exit=True, file=_STDERR)

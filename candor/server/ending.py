"""Ends a process that was told to stop, even if something in it hangs."""

import faulthandler

# Seconds after the grace period: how long connections cut then may take to clean up, and when the
# process exits at the latest.
CLOSING_SECONDS, EXIT_SECONDS = 0.6, 1.4
_STDERR = 2


def exit_after(grace: float) -> None:
    """Exit with 1 if this process still runs EXIT_SECONDS after a grace period of `grace` seconds.

    The stack of every thread is then written to standard error.
    """
    faulthandler.dump_traceback_later(grace + EXIT_SECONDS, exit=True, file=_STDERR)

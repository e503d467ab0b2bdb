"""How far an import is: a bar on a terminal, elsewhere a line now and then."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

# Seconds until the first line, and from each line to the next.
FIRST, NEXT = 5.0, 15.0

Advance = Callable[[int], None]


@contextmanager
def showing(name: str, octets: int) -> Iterator[Advance]:
    """A function that takes how many more of the octets were read."""
    if not sys.stderr.isatty():
        yield _Lines(name, octets).advance
        return
    with click.progressbar(length=octets, label=name, file=sys.stderr) as bar:
        yield bar.update


class _Lines:
    def __init__(self, name: str, octets: int) -> None:
        self._name, self._octets, self._read = name, octets, 0
        self._due = time.monotonic() + FIRST

    def advance(self, more: int) -> None:
        self._read += more
        now = time.monotonic()
        if now >= self._due:
            self._due = now + NEXT
            click.echo(f"{self._name}: {self._read * 100 // self._octets} %", err=True)

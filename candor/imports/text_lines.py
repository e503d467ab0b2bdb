"""The lines of a text file, whatever its encoding, with their numbers."""

import codecs
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Bytes that the encoding does not have, as the handler "surrogateescape" reads them. Those up to
# 9F are characters in Windows-1252 only: Latin-1 has invisible controls there.
_UNDECODED = re.compile("[\udc80-\udcff]")
_WINDOWS_ONLY = re.compile("[\x80-\x9f\udc80-\udc9f]")


class BadFile(Exception):
    """The file as a whole cannot be read; the message says why."""


class BadUse(BadFile):
    """The file does not have what the options name; the message says what."""


class Lines:
    """Lines of a file, with their numbers; some can be put back.

    `taken` are the lines since `start` was called last: those of one record.
    """

    def __init__(self, file: TextIO, progress: Callable[[int], None]) -> None:
        self._file, self._progress = file, progress
        self._back: list[str] = []
        self.taken: list[str] = []
        self.number = 0

    def start(self) -> None:
        self.taken.clear()

    def put_back(self, count: int) -> None:
        """Put the last lines back, so that they are read again."""
        for _ in range(count):
            self._back.append(self.taken.pop())
            self.number -= 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._back.pop() if self._back else self._read()
        self.number += 1
        self.taken.append(line)
        return line

    def _read(self) -> str:
        line = next(self._file)
        octets = len(line) if line.isascii() else len(line.encode(errors="surrogateescape"))
        self._progress(octets)
        return line


@contextmanager
def opened(
    path: Path, encoding: str, progress: Callable[[int], None] = lambda _: None
) -> Iterator[Lines]:
    """The lines of a file. `progress` takes how many more bytes were read, roughly for UTF-16.

    UTF-8 and UTF-16 are told apart by their marks. Bytes that the encoding does not have become
    lone surrogates, so that only their row is refused (`undecoded`). Raises BadFile for an unknown
    encoding and for a file that ends within a character.
    """
    codec = _codec(path, encoding)
    try:
        with path.open(encoding=codec, errors="surrogateescape", newline="") as file:
            yield Lines(file, progress)
    except LookupError:
        raise BadFile(f"There is no encoding {encoding}.") from None
    except UnicodeError:
        raise BadFile(f"The file is not {encoding}, or ends in the middle.") from None


def _codec(path: Path, encoding: str) -> str:
    if encoding.lower().replace("-", "") != "utf8":
        return encoding
    with path.open("rb") as file:
        start = file.read(3)
    return next((codec for mark, codec in _MARKS.items() if start.startswith(mark)), encoding)


def undecoded(cells: Mapping[str, str], encoding: str) -> str | None:
    """Why cells were not written in this encoding, with the one to try; None if they may be."""
    text = "".join(cells.values())
    if text.isascii():
        return None
    is_windows = _WINDOWS_ONLY.search(text) is not None
    if _UNDECODED.search(text) or (is_windows and _is_latin_1(encoding)):
        return f"this is not {encoding}; try --encoding {'cp1252' if is_windows else 'latin-1'}"
    return None


def _is_latin_1(encoding: str) -> bool:
    return codecs.lookup(encoding).name == "iso8859-1"

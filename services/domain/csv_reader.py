"""CSV from a stream of bytes: rows, the line each begins on, and positions to go on from.

Rows end with LF or CRLF and follow RFC 4180, quoted line breaks included. The file is UTF-8; a byte
that is not comes out as a lone surrogate (PEP 383), which no column takes. A row that cannot be read
costs its first line only: reading goes on at the next line. What comes out does not depend on how
the bytes are cut into pieces. Memory: one piece and one row.
"""

import csv
import io
from collections.abc import Generator, Iterable, Iterator
from typing import NamedTuple

#: Longest row, its line breaks included. It also bounds what an unclosed quote swallows.
MAX_ROW_CHARACTERS = 64 * 1024

#: A line of more bytes than this is over `MAX_ROW_CHARACTERS`, whatever its characters are.
MAX_LINE_BYTES = MAX_ROW_CHARACTERS * 4

#: How much of a broken row is kept.
EXCERPT_CHARACTERS = 200

TOO_LONG = f"is longer than {MAX_ROW_CHARACTERS:,} characters; a quote may not be closed"
UNCLOSED = "has a quote that is never closed"

#: How Python's csv module begins its complaint, and what we say.
REASONS = {
    "unexpected end of data": UNCLOSED,
    "',' expected after": "has text after a closing quote",
    "new-line character seen": "has a carriage return outside quotes",
}


class Position(NamedTuple):
    """Where a row begins: in bytes from the file's beginning, and the line, from 1."""

    offset: int
    line: int


class Row(NamedTuple):
    """A row as read; its fields are not checked."""

    line: int
    fields: list[str]


class BrokenRow(NamedTuple):
    """A line at which no row can begin; `text` is the line, cut short."""

    line: int
    text: str
    reason: str


class _Window(NamedTuple):
    """Whole lines with their line breaks; the file's last may have none."""

    lines: list[str]
    last: bool
    #: Bytes that were not kept of its only line.
    dropped: int = 0


class CsvReader:
    """The rows of `pieces`, which begin at `start` in the file. Rows without a character are left out.

    Iterate it once. `position` says between any two rows where the next begins, so that another
    reader goes on there.
    """

    def __init__(self, pieces: Iterable[bytes], start: Position) -> None:
        self._windows = _windows(pieces)
        self._start = start
        #: What was read from `_start` on, and how many lines of it are done.
        self._lines: list[str] = []
        self._done = 0
        self._dropped = 0

    @property
    def position(self) -> Position:
        """Where the next row begins."""
        size = len("".join(self._lines[: self._done]).encode("utf-8", "surrogateescape"))
        dropped = self._dropped if self._done == len(self._lines) else 0
        return Position(self._start.offset + size + dropped, self._start.line + self._done)

    def __iter__(self) -> Iterator[Row | BrokenRow]:
        for window in self._windows:
            self._start = self.position
            self._lines = self._lines[self._done :] + window.lines
            self._done = 0
            self._dropped = window.dropped
            while self._done < len(self._lines):
                broken = yield from self._read_until_broken(window.last)
                if broken is None:
                    break
                self._done += 1
                yield broken

    def _read_until_broken(self, last: bool) -> Generator[Row | BrokenRow, None, BrokenRow | None]:
        """Give rows up to one that is broken, which is returned, or to one whose end is not here yet."""
        first = self._done
        rows = csv.reader(self._lines[first:], strict=True)
        try:
            for fields in rows:
                end = first + rows.line_num
                if self._is_too_long(end):
                    return self._broken(TOO_LONG)
                line = self._start.line + self._done
                self._done = end
                if fields:
                    yield Row(line, fields)
        except csv.Error as error:
            if self._is_too_long(first + rows.line_num):
                return self._broken(TOO_LONG)
            reason = _reason(error)
            return None if reason == UNCLOSED and not last else self._broken(reason)
        return None

    def _is_too_long(self, end: int) -> bool:
        return sum(map(len, self._lines[self._done : end])) > MAX_ROW_CHARACTERS

    def _broken(self, reason: str) -> BrokenRow:
        text = self._lines[self._done].rstrip("\r\n")
        return BrokenRow(self._start.line + self._done, text[:EXCERPT_CHARACTERS], reason)


def _reason(error: csv.Error) -> str:
    said = str(error)
    return next((reason for beginning, reason in REASONS.items() if said.startswith(beginning)), said)


def _windows(pieces: Iterable[bytes]) -> Iterator[_Window]:
    rest = b""
    dropped = 0
    for piece in pieces:
        if len(rest) > MAX_LINE_BYTES:
            end = piece.find(b"\n") + 1
            dropped += end or len(piece)
            if not end:
                continue
            yield _Window(_lines(rest), last=False, dropped=dropped)
            rest, dropped, piece = b"", 0, piece[end:]
        rest += piece
        end = rest.rfind(b"\n") + 1
        if end:
            yield _Window(_lines(rest[:end]), last=False)
            rest = rest[end:]
    yield _Window(_lines(rest), last=True, dropped=dropped)


def _lines(data: bytes) -> list[str]:
    return list(io.StringIO(data.decode("utf-8", "surrogateescape"), newline="\n"))

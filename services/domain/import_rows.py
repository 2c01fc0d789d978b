"""A row of an import: checked and in normal form, or refused with the reason."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from services.domain import countries, emails, names
from services.domain.csv_cells import unguard
from services.domain.csv_header import COLUMNS, Header
from services.domain.csv_reader import BrokenRow, Row

#: Stands in a report for a column where the row as a whole is wrong.
WHOLE_ROW = "(row)"

#: How much of a refused value the report shows, in characters.
VALUE_CHARACTERS = 100

#: A time of these years is one in every time zone's calendar.
FIRST_YEAR, LAST_YEAR = 1900, 2999

NOT_UTF8 = "has bytes that are not UTF-8"

_LINE_BREAKS = re.compile(r"\s*[\r\n]\s*")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_UNSEEN = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}


class ImportRow(NamedTuple):
    """A user to be, and the line on which the row begins."""

    email: str
    name: str
    country: str
    #: None where the file says nothing.
    created_at: datetime | None
    line: int


class Refusal(NamedTuple):
    """Why a row is not imported. `value` is safe to store and to show."""

    line: int
    column: str
    value: str
    reason: str


class RowChecker:
    """Checks the rows of one file. The first wrong column is the one that is told."""

    def __init__(self, header: Header) -> None:
        self._columns = header.columns
        self._checks = [
            (column, header.where[column], NORMALISE[column]) for column in COLUMNS if column in header.where
        ]

    def check(self, row: Row | BrokenRow) -> ImportRow | Refusal:
        """Give the user in normal form, or the refusal."""
        if isinstance(row, BrokenRow):
            return Refusal(row.line, WHOLE_ROW, _shown(row.text), row.reason)
        if len(row.fields) != len(self._columns):
            return self._wrong_width(row)
        column = value = ""
        found: dict[str, Any] = {}
        try:
            for column, place, normalise in self._checks:
                value = row.fields[place]
                found[column] = normalise(unguard(value))
        except ValueError as error:
            return Refusal(row.line, column, _shown(value), _reason(value, error))
        return ImportRow(found["email"], found["name"], found["country"], found.get("created_at"), row.line)

    def _wrong_width(self, row: Row) -> Refusal:
        count, width = len(row.fields), len(self._columns)
        return Refusal(row.line, WHOLE_ROW, _shown(",".join(row.fields)), f"has {count} fields instead of {width}")


def _name(value: str) -> str:
    """A name that was broken over lines is on one line in the directory."""
    if "\n" in value or "\r" in value:
        value = _LINE_BREAKS.sub(" ", value)
    return names.normalise(value)


def _created_at(value: str) -> datetime | None:
    text = value.strip()
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("is not a date or time of ISO 8601, such as 2026-01-31 or 2026-01-31T12:00:00Z") from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"is not between the years {FIRST_YEAR} and {LAST_YEAR}")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


NORMALISE: Mapping[str, Callable[[str], Any]] = {
    "email": emails.normalise,
    "name": _name,
    "country": countries.normalise,
    "created_at": _created_at,
}


def _reason(value: str, error: ValueError) -> str:
    if not value.strip():
        return "is empty"
    return NOT_UTF8 if _LONE_SURROGATE.search(value) else str(error)


def _shown(value: str) -> str:
    """Cut short, with what cannot be stored or seen spelt out."""
    text = value[:VALUE_CHARACTERS].encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return text.translate(_UNSEEN)

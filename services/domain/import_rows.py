"""A row of an import: checked and in normal form, or refused with the reason."""

import re
from collections.abc import Callable
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
        self._places = [header.where.get(column) for column in COLUMNS]

    def check(self, row: Row | BrokenRow) -> ImportRow | Refusal:
        """Give the user in normal form, or the refusal."""
        if isinstance(row, BrokenRow):
            return Refusal(row.line, WHOLE_ROW, _shown(row.text), row.reason)
        if len(row.fields) != len(self._columns):
            return self._wrong_width(row)
        values: list[Any] = []
        for column, place, normalise in zip(COLUMNS, self._places, NORMALISE, strict=True):
            value = "" if place is None else row.fields[place]
            try:
                values.append(normalise(unguard(value)))
            except ValueError as error:
                return _refusal(row.line, column, value, str(error))
        email, name, country, created_at = values
        return ImportRow(email, name, country, created_at, row.line)

    def _wrong_width(self, row: Row) -> Refusal:
        count, width = len(row.fields), len(self._columns)
        return Refusal(row.line, WHOLE_ROW, _shown(",".join(row.fields)), f"has {count} fields instead of {width}")


def _name(value: str) -> str:
    """A name that was broken over lines is on one line in the directory."""
    if "\n" in value or "\r" in value:
        value = _LINE_BREAKS.sub(" ", value)
    return names.normalise(value)


def _email(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty")
    return emails.normalise(value)


def _country(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty")
    return countries.normalise(value)


def _created_at(value: str) -> datetime | None:
    text = value.strip()
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is not a date or time of ISO 8601, such as 2026-01-31 or 2026-01-31T12:00:00Z") from None


#: By column, in the order of `COLUMNS`.
NORMALISE: tuple[Callable[[str], Any], ...] = (_email, _name, _country, _created_at)


def _refusal(line: int, column: str, value: str, reason: str) -> Refusal:
    if _LONE_SURROGATE.search(value):
        reason = NOT_UTF8
    return Refusal(line, column, _shown(value), reason)


def _shown(value: str) -> str:
    """Cut short, with what cannot be stored or seen spelt out."""
    text = value[:VALUE_CHARACTERS].encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return text.translate(_UNSEEN)

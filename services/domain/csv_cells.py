"""Cells of CSV files for people: what a spreadsheet would take for a formula is marked as text.

An apostrophe in front makes Excel, LibreOffice and Google Sheets show the cell instead of running it.
An import takes one such apostrophe away again, so importing an export gives the same users.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence

#: Formulas, and the apostrophes of those that were marked before: so every mark can be undone.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_MARKED = re.compile(r"'+[=+\-@\t\r]")


def guard(cell: str) -> str:
    """Mark a cell that a spreadsheet could run."""
    return "'" + cell if _FORMULA.match(cell) else cell


def unguard(cell: str) -> str:
    """Undo `guard`."""
    return cell[1:] if cell[:1] == "'" and _MARKED.match(cell) else cell


def write_rows(rows: Iterable[Sequence[str]]) -> bytes:
    """Rows as CSV in UTF-8, their cells guarded, lines ended by CRLF as RFC 4180 has it."""
    text = io.StringIO()
    csv.writer(text).writerows([guard(cell) for cell in row] for row in rows)
    return text.getvalue().encode()

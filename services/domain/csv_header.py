"""The first row of an import: which column is which."""

from dataclasses import dataclass

from services.domain.csv_reader import BrokenRow, CsvReader, Position, Row
from services.domain.errors import NotAnImport

REQUIRED = ("email", "name", "country")
OPTIONAL = ("created_at",)
COLUMNS = REQUIRED + OPTIONAL

BOM = b"\xef\xbb\xbf"
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Header:
    """The columns in the file's order, and where the rows begin."""

    columns: tuple[str, ...]
    rows_start: Position

    @property
    def where(self) -> dict[str, int]:
        """Place in a row by column."""
        return {column: place for place, column in enumerate(self.columns)}


def read_header(beginning: bytes) -> Header:
    """Read the header from the first bytes of a file: a chunk, or all there is.

    Case and spaces around a name do not matter. Columns that the directory does not have are
    refused rather than left out: one may be a misspelt `created_at`.

    Raises:
        NotAnImport: the file cannot be an import; the message says why, for people.
    """
    if beginning.startswith(UTF_16_MARKS):
        raise NotAnImport("the file is UTF-16: save it as UTF-8")
    skip = len(BOM) if beginning.startswith(BOM) else 0
    reader = CsvReader([beginning[skip:]], Position(skip, 1))
    first = next(iter(reader), None)
    if first is None:
        raise NotAnImport("the file is empty")
    return Header(_columns(first), reader.position)


def _columns(first: Row | BrokenRow) -> tuple[str, ...]:
    if isinstance(first, BrokenRow):
        raise NotAnImport(f"the header, line {first.line}, {first.reason}")
    columns = tuple(field.strip().lower() for field in first.fields)
    if len(columns) == 1 and (";" in columns[0] or "\t" in columns[0]):
        raise NotAnImport("the fields are not separated by commas")
    missing = [column for column in REQUIRED if column not in columns]
    unknown = [column for column in columns if column not in COLUMNS]
    twice = sorted({column for column in columns if columns.count(column) > 1} - set(unknown))
    problems = [f"{what}: {_list(names)}" for what, names in _named(missing, unknown, twice) if names]
    if problems:
        raise NotAnImport(f"the header, line {first.line}, is wrong; {'; '.join(problems)}")
    return columns


def _named(missing: list[str], unknown: list[str], twice: list[str]) -> list[tuple[str, list[str]]]:
    return [("missing columns", missing), ("unknown columns", unknown), ("columns given twice", twice)]


def _list(names: list[str]) -> str:
    return ", ".join(ascii(name[:40]) for name in names[:10])

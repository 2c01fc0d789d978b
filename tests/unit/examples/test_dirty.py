"""The README of examples/data tells what becomes of each row of dirty.csv."""

from pathlib import Path

from services.domain.csv_header import read_header
from services.domain.csv_reader import CsvReader
from services.domain.import_rows import ImportRow, RowChecker

FOLDER = Path(__file__).parents[3] / "examples" / "data"


def told() -> list[tuple[int, str, str, str]]:
    """The README's table: line, outcome, column, reason."""
    lines = (FOLDER / "README.md").read_text().splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return [(int(row[0]), row[2], row[3], row[4]) for row in cells if row[0].isdigit()]


def test_each_row_ends_as_the_readme_says():
    data = (FOLDER / "dirty.csv").read_bytes()
    header = read_header(data)
    checker = RowChecker(header)
    seen: set[str] = set()
    found = []
    for row in map(checker.check, CsvReader([data[header.rows_start.offset :]], header.rows_start)):
        if isinstance(row, ImportRow):
            found.append((row.line, "skipped" if row.email in seen else "imported", "", ""))
            seen.add(row.email)
        else:
            found.append((row.line, "refused", row.column, row.reason))

    expected = told()
    assert [row[:3] for row in found] == [row[:3] for row in expected]
    assert [want for (*_, got), (*_, want) in zip(found, expected, strict=True) if want not in got] == []


def test_the_file_kept_what_editors_and_version_control_like_to_mend():
    data = (FOLDER / "dirty.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    assert b"\r\n" in data
    assert b'"Katherine\n' in data
    assert b"\xe9@" in data
    assert b"\0" in data
    assert not data.endswith(b"\n")

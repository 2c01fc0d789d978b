"""CSV comes out the same however its bytes are cut, and one bad row costs one line."""

import csv
import io
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.domain import csv_reader
from services.domain.csv_reader import TOO_LONG, UNCLOSED, BrokenRow, CsvReader, Position, Row

START = Position(0, 1)

cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
rows = st.lists(st.lists(cells, min_size=1, max_size=4), max_size=8)
line_ends = st.sampled_from(["\n", "\r\n"])

#: Bytes that meet every turn of the reader: quotes, separators, both line ends, bad UTF-8, blanks.
shreds = st.lists(st.sampled_from([b'"', b",", b"\n", b"\r", b"\r\n", b"a", b"\xc3\xa9", b"\xff", b"' "]), max_size=40)


def read(*pieces: bytes, start: Position = START) -> list[Row | BrokenRow]:
    return list(CsvReader(pieces, start))


def fields(found: list[Row | BrokenRow]) -> list[list[str]]:
    return [row.fields for row in found if isinstance(row, Row)]


def cut(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def quoted(table: list[list[str]], line_end: str) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows(table)
    return text.getvalue().encode()


@given(rows, line_ends)
def test_what_a_csv_writer_writes_comes_back(table, line_end):
    assert fields(read(quoted(table, line_end))) == table


@given(rows, line_ends, st.integers(1, 30))
def test_any_cut_of_good_rows_gives_the_same_rows_on_the_same_lines(table, line_end, size):
    data = quoted(table, line_end)
    assert read(*cut(data, size)) == read(data)


@given(shreds, st.integers(1, 5))
@example([b'"', b"a", b"\n", b"a"], 1)
def test_any_cut_of_any_bytes_gives_the_same_rows_refusals_and_lines(parts, size):
    data = b"".join(parts)
    assert read(*cut(data, size)) == read(data)


@given(shreds)
def test_a_reader_that_goes_on_at_any_position_gives_the_rest(parts):
    data = b"".join(parts)
    whole = read(data)
    reader = CsvReader([data], START)
    for number, _row in enumerate(reader, 1):
        there = reader.position
        assert read(data[there.offset :], start=there) == whole[number:]


@given(shreds)
def test_short_bounds_on_rows_do_not_depend_on_the_cut(parts):
    data = b"".join(parts) + b"\n" + b"z" * 200 + b"\nlast\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_reader, "MAX_ROW_CHARACTERS", 5)
        patch.setattr(csv_reader, "MAX_LINE_BYTES", 20)
        patch.setattr(csv_reader, "EXCERPT_CHARACTERS", 10)
        whole = read(data)
        assert [read(*cut(data, size)) for size in (1, 3, 64)] == [whole] * 3
        assert whole[-1] == Row(data.count(b"\n"), ["last"])


def test_a_row_that_spans_lines_is_told_by_its_first_line():
    assert read(b'a,"b\nc\n"\nd,e\n') == [Row(1, ["a", "b\nc\n"]), Row(4, ["d", "e"])]


def test_blank_lines_are_left_out_and_counted():
    assert read(b"\n\r\na\n\nb\n") == [Row(3, ["a"]), Row(5, ["b"])]


def test_a_last_line_needs_no_line_break():
    assert read(b"a\nb") == [Row(1, ["a"]), Row(2, ["b"])]


def test_bytes_that_are_not_utf8_come_out_as_lone_surrogates_of_their_row_only():
    assert read(b"a\n\xe9\nb\n") == [Row(1, ["a"]), Row(2, ["\udce9"]), Row(3, ["b"])]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'"a"b,c', "has text after a closing quote"),
        (b"a\rb,c", "has a carriage return outside quotes"),
        (b'a,"b', UNCLOSED),
    ],
)
def test_a_broken_row_costs_its_line_and_no_other(line, reason):
    found = read(b"first\n" + line + b"\nlast\n")
    assert found == [Row(1, ["first"]), BrokenRow(2, line.decode(), reason), Row(3, ["last"])]


def test_an_unclosed_quote_swallows_no_more_than_a_row_may_be_long():
    rest = b"b,c\n" * 50_000
    found = read(b'a,"\n' + rest)
    assert found[0] == BrokenRow(1, 'a,"', TOO_LONG)
    assert len(found) == 50_001


def test_a_line_too_long_to_keep_is_refused_and_its_end_is_found():
    data = b"first\n" + b"x" * 1_000_000 + b"\nlast\n"
    for size in (64_000, 5_000_000):
        found = read(*cut(data, size))
        assert [type(row) for row in found] == [Row, BrokenRow, Row]
        assert found[1].reason == TOO_LONG
        assert len(found[1].text) == csv_reader.EXCERPT_CHARACTERS


def test_positions_behind_a_line_too_long_to_keep_are_those_of_the_file():
    data = b"first\n" + b"x" * 1_000_000 + b"\nlast\n"
    reader = CsvReader(cut(data, 64_000), START)
    positions = [reader.position for _row in reader]
    assert positions == [Position(6, 2), Position(1_000_007, 3), Position(len(data), 4)]

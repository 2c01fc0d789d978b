"""No cell of ours runs as a formula, and none changes on its way out and in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.domain.csv_cells import guard, unguard, write_rows
from services.domain.csv_reader import CsvReader, Position, Row

cells = st.text(st.one_of(st.sampled_from("'=+-@\t\r\n\",a"), st.characters(codec="utf-8")), max_size=6)


@pytest.mark.parametrize("cell", ["=1+1", "+49 30", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''@x"])
def test_a_cell_that_could_run_is_marked_as_text(cell):
    assert guard(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["", "Ada", "a=1", "'tis", "O'Brien", " =1"])
def test_any_other_cell_stays_as_it_is(cell):
    assert guard(cell) == cell


@given(cells)
def test_every_guard_can_be_undone(cell):
    assert unguard(guard(cell)) == cell


@given(cells)
def test_what_is_guarded_never_begins_a_formula(cell):
    assert not guard(cell).startswith(("=", "+", "-", "@", "\t", "\r"))


@given(st.lists(st.lists(cells, min_size=1, max_size=4), max_size=6))
def test_rows_that_are_written_are_read_back_the_same(table):
    found = list(CsvReader([write_rows(table)], Position(0, 1)))
    assert [[unguard(cell) for cell in row.fields] for row in found if isinstance(row, Row)] == table

"""A row becomes a user in normal form, or a refusal that a person understands."""

from datetime import UTC, datetime

import pytest

from services.domain.csv_header import read_header
from services.domain.csv_reader import BrokenRow, Row
from services.domain.import_rows import ImportRow, Refusal, RowChecker

CHECKER = RowChecker(read_header(b"email,name,country,created_at\n"))


def check(email="ada@example.com", name="Ada", country="GB", created_at=""):
    return CHECKER.check(Row(7, [email, name, country, created_at]))


def test_a_good_row_comes_in_normal_form():
    found = check(" ADA@Example.COM ", " Ada Lovelace ", " gb ", "2026-01-31T12:00:00+01:00")
    assert found == ImportRow("ada@example.com", "Ada Lovelace", "GB", datetime(2026, 1, 31, 11, tzinfo=UTC), 7)


@pytest.mark.parametrize("text", ["2026-01-31", "2026-01-31T00:00:00Z", "2026-01-31 00:00:00", "20260131"])
def test_a_time_without_a_zone_is_utc(text):
    assert check(created_at=text).created_at == datetime(2026, 1, 31, tzinfo=UTC)


def test_no_date_is_left_to_the_directory():
    assert check(created_at=" ").created_at is None


def test_columns_are_found_by_the_header():
    checker = RowChecker(read_header(b"country,name,email\n"))
    assert checker.check(Row(2, ["DE", "Ada", "ada@example.com"])) == ImportRow("ada@example.com", "Ada", "DE", None, 2)


def test_a_name_over_several_lines_becomes_one_line():
    assert check(name="Ada \r\n King\nLovelace").name == "Ada King Lovelace"


def test_formulas_are_text_and_the_mark_of_an_export_is_taken_away():
    assert check(name="=1+1").name == "=1+1"
    assert check(name="'=1+1").name == "=1+1"
    assert check(email="'+ada@example.com").email == "+ada@example.com"


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("email", "", "is empty"),
        ("email", "ada", "@-sign"),
        ("name", "", "is empty"),
        ("name", "A\0da", "U+0000"),
        ("country", "", "is empty"),
        ("country", "XX", "is not a country code"),
        ("country", "England", "is not a country code"),
        ("created_at", "31.01.2026", "is not a date"),
        ("created_at", "2026-02-30", "is not a date"),
        ("created_at", "0001-01-01T00:00:00+23:00", "is not between the years 1900 and 2999"),
        ("created_at", "9999-12-31", "is not between the years 1900 and 2999"),
        ("email", "\udce9@example.com", "has bytes that are not UTF-8"),
        ("name", "Andr\udce9", "has bytes that are not UTF-8"),
        ("country", "\udce9", "has bytes that are not UTF-8"),
        ("created_at", "\udce9", "has bytes that are not UTF-8"),
    ],
)
def test_the_refusal_tells_the_column_and_the_reason(column, value, reason):
    found = check(**{column: value})
    assert isinstance(found, Refusal)
    assert (found.line, found.column) == (7, column)
    assert reason in found.reason


def test_a_refused_value_is_cut_short_and_can_be_stored():
    found = check(name="\0\n\udce9" + "x" * 1000)
    assert found.value == r"\x00\x0a\xe9" + "x" * 97


@pytest.mark.parametrize("count", [1, 3, 5])
def test_a_row_of_another_width_is_refused_as_a_whole(count):
    found = CHECKER.check(Row(7, ["x"] * count))
    assert found == Refusal(7, "(row)", ",".join("x" * count), f"has {count} fields instead of 4")


def test_a_broken_row_is_refused_as_a_whole():
    assert CHECKER.check(BrokenRow(9, 'a,"\udcff', "why")) == Refusal(9, "(row)", r'a,"\xff', "why")

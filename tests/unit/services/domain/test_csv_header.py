"""The header says which column is which, or why the file is no import."""

import pytest

from services.domain.csv_header import read_header
from services.domain.csv_reader import Position
from services.domain.errors import NotAnImport


def test_columns_come_in_any_order_case_and_spacing():
    header = read_header(b"Country, EMAIL ,name\r\n")
    assert header.columns == ("country", "email", "name")
    assert header.rows_start == Position(22, 2)


def test_a_bom_is_no_part_of_the_first_column():
    header = read_header(b"\xef\xbb\xbfemail,name,country,created_at\na@example.com,A,DE,\n")
    assert header.columns == ("email", "name", "country", "created_at")
    assert header.rows_start == Position(33, 2)


def test_a_header_may_be_quoted_and_follow_blank_lines():
    assert read_header(b'\n"email","name","country"\n').rows_start == Position(26, 3)


@pytest.mark.parametrize(
    ("beginning", "message"),
    [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf\n\n", "the file is empty"),
        (b"email,nmae\n", "missing columns: 'name', 'country'; unknown columns: 'nmae'"),
        (b"email,name,country,email\n", "columns given twice: 'email'"),
        (b"ada@example.com,Ada,GB\n", "missing columns: 'email', 'name', 'country'"),
        (b"email;name;country\n", "the fields are not separated by commas"),
        (b"email\tname\tcountry\n", "the fields are not separated by commas"),
        ("email,name,country\n".encode("utf-16"), "the file is UTF-16: save it as UTF-8"),
        (b'"email,name,country\n', "has a quote that is never closed"),
        (b"email,name,country\rada@example.com,Ada,GB\r", "has a carriage return outside quotes"),
        (b"email,name,country,\xe9\n", "unknown columns: '\\udce9'"),
        (b"email,name,country," + b"x" * 100_000 + b"\n", "is longer than 65,536 characters"),
    ],
)
def test_what_is_no_import_is_refused_with_the_reason(beginning, message):
    with pytest.raises(NotAnImport) as caught:
        read_header(beginning)
    assert message in str(caught.value)
    assert str(caught.value).isascii()
    assert len(str(caught.value)) < 1000

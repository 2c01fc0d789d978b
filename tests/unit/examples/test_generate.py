"""The generator makes the same plausible users for the same seed, and an import takes every one."""

import csv
import gzip
import io
from collections import Counter
from datetime import datetime

import pytest
from click.testing import CliRunner

from examples.data import generate
from services.domain.csv_header import read_header
from services.domain.csv_reader import CsvReader
from services.domain.import_rows import ImportRow, RowChecker

COUNT = 3000


@pytest.fixture(scope="module")
def users():
    return list(generate.rows(COUNT, seed=1))


def test_the_same_seed_makes_the_same_users_and_another_makes_others(users):
    assert list(generate.rows(100, seed=1)) == users[:100]
    assert list(generate.rows(100, seed=2)) != users[:100]


def test_no_email_is_there_twice(users):
    assert len({email for email, *_ in users}) == COUNT
    assert any(char.isdigit() for email, *_ in users for char in email)


def test_names_come_from_many_countries_and_scripts(users):
    assert {country for *_, country, _ in users} == {country for _, country, _ in generate.LOCALES}
    assert any("Ж" <= char <= "я" for _, name, *_ in users for char in name)
    assert any("一" <= char <= "龥" for _, name, *_ in users for char in name)


def test_sign_ups_spread_over_two_years_and_grow(users):
    moments = [datetime.fromisoformat(created_at) for *_, created_at in users]
    by_year = Counter(moment.year for moment in moments)
    assert set(by_year) == {2024, 2025}
    assert by_year[2025] > by_year[2024]
    assert len({(moment.year, moment.month) for moment in moments}) == 24


def test_an_import_refuses_none_of_them():
    text = io.StringIO()
    generate.write(text, 1000)
    data = text.getvalue().encode()
    header = read_header(data)
    checker = RowChecker(header)
    rows = [checker.check(row) for row in CsvReader([data[header.rows_start.offset :]], header.rows_start)]
    assert len(rows) == 1000
    assert [row for row in rows if not isinstance(row, ImportRow)] == []


@pytest.mark.parametrize(("option", "opened"), [([], open), (["--gzip"], gzip.open)])
def test_the_command_writes_so_many_rows_plain_or_packed(tmp_path, option, opened):
    path = tmp_path / "users"
    done = CliRunner().invoke(generate.main, ["--rows", "25", "--seed", "3", "--out", str(path), *option])
    assert done.exit_code == 0, done.output
    with opened(path, "rt", encoding="utf-8", newline="") as file:
        found = list(csv.reader(file))
    assert found[0] == list(generate.HEADER)
    assert [tuple(row) for row in found[1:]] == list(generate.rows(25, seed=3))
    assert [file.name for file in tmp_path.iterdir()] == ["users"]

"""A failed attempt in words: readable, short, and without the statement it was about."""

import pytest
from sqlalchemy.exc import ProgrammingError, StatementError

from flask_scale.jobs import failure


def test_a_database_error_is_told_in_the_databases_words_alone():
    error = ProgrammingError("SELECT * FROM staff", {"secret": "hunter2"}, Exception("no such table"))

    assert failure.describe(error)["message"] == "no such table"


def test_an_exception_without_a_readable_message_is_still_described():
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError

    described = failure.describe(Mute())

    assert described["type"] == "Mute"
    assert described["message"]


def test_a_message_is_cut_short_and_holds_nothing_that_postgresql_refuses():
    described = failure.describe(ValueError("a\0b\ud800" + "x" * 10_000))

    assert described["message"].startswith("a\N{REPLACEMENT CHARACTER}b?")
    assert len(described["message"]) == failure.LONGEST_MESSAGE


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (SystemExit("no more"), "the handler ended its process: sys.exit('no more')"),
        (SystemExit(failure.SIGTERM_CODE), "its process got SIGTERM, though its Celery worker did not"),
        (MemoryError(), "the job took more memory than it may have"),
        (MemoryError("of the graphics card"), "of the graphics card"),
        (ValueError(), "(without a message)"),
        (StatementError("wrong value", "INSERT INTO staff", {}, TypeError("no number")), "no number"),
    ],
)
def test_what_has_no_words_of_its_own_gets_some(error, message):
    assert failure.describe(error)["message"] == message

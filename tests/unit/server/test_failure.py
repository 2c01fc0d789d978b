"""Why a start failed, in one line, from whichever process knew first."""

import os

from flask_scale.errors import AppNotFound
from flask_scale.server.failure import StartFailure, describe


def test_what_a_forked_process_tells_is_read_by_its_parent():
    failure = StartFailure()
    pid = os.fork()
    if pid == 0:
        failure.tell("ü is not an app")
        os._exit(0)
    os.waitpid(pid, 0)
    assert failure.line == "ü is not an app"


def test_the_first_line_stays_and_a_long_one_is_cut():
    failure = StartFailure()
    assert failure.line == ""
    failure.tell("x" * 10_000)
    failure.tell("second")
    assert set(failure.line) == {"x"}
    assert len(failure.line) > 4000


def test_our_own_errors_are_told_as_they_are():
    assert describe("shop:app", AppNotFound("no such module")) == "no such module"


def test_an_error_of_the_app_is_told_with_its_place_in_one_line():
    try:
        raise ValueError("two\nlines")
    except ValueError as error:
        line = describe("shop:app", error)
    assert line.startswith("cannot load 'shop:app': ValueError: two lines (")
    assert f"{__file__}:" in line
    assert "\n" not in line

"""Processes that nothing inside can end: who is ended, and who is not."""

import multiprocessing
import time

import pytest

from flask_scale.jobs.deadlines import KILL_AFTER_SECONDS, Deadlines


def _sit(deadlines, row, seconds_over, inside):
    deadlines.attach(row)
    with deadlines.until(time.monotonic() - seconds_over):
        if inside:
            time.sleep(60)
    time.sleep(60)


@pytest.fixture
def sitting():
    """Starts a forked process that says when its time was over, and gives how it ended within a moment."""
    children = []

    def sit(deadlines, row, seconds_over, inside=True):
        child = multiprocessing.get_context("fork").Process(target=_sit, args=(deadlines, row, seconds_over, inside))
        child.start()
        children.append(child)
        while not deadlines._cells[2 * row] or (inside and not deadlines._cells[2 * row + 1]):
            time.sleep(0.01)
        time.sleep(0.1)
        return child

    yield sit
    for child in children:
        child.kill()
        child.join()


def test_a_process_far_over_its_time_is_ended_and_one_within_its_grace_is_not(sitting):
    deadlines = Deadlines(3)
    late = sitting(deadlines, 0, KILL_AFTER_SECONDS + 1)
    in_grace = sitting(deadlines, 1, KILL_AFTER_SECONDS / 2)
    done = sitting(deadlines, 2, KILL_AFTER_SECONDS + 1, inside=False)
    deadlines.enforce()
    late.join(30)
    assert late.exitcode == -9
    assert in_grace.is_alive()
    assert done.is_alive()


def test_the_process_that_comes_after_has_a_time_of_its_own(sitting):
    deadlines = Deadlines(1)
    first = sitting(deadlines, 0, KILL_AFTER_SECONDS + 1)
    first.kill()
    first.join()
    deadlines.enforce()  # the process is gone already
    second = sitting(deadlines, 0, 0)
    deadlines.enforce()
    assert second.is_alive()


def test_where_nobody_watches_an_attempt_has_no_end():
    deadlines = Deadlines(1)
    with deadlines.until(time.monotonic() - 100):
        deadlines.enforce()

"""Schedules of faults are drawn, not made up: the same seed is the same schedule, and no fault is left out."""

from collections import Counter
from itertools import pairwise

from tests.faults.schedule import LASTS, draw

NAMES = ["one", "two", "three"]


def test_a_seed_draws_the_same_schedule_again() -> None:
    assert draw(5, 300, NAMES, (5, 40)) == draw(5, 300, NAMES, (5, 40)) != draw(6, 300, NAMES, (5, 40))


def test_each_fault_comes_once_before_any_comes_again() -> None:
    acts = draw(1, 600, NAMES, (1, 4))
    assert len(acts) > 50
    for begin in range(0, len(acts) - 3, 3):
        assert Counter(act.fault for act in acts[begin : begin + 3]) == Counter(NAMES)


def test_faults_are_as_far_apart_as_was_asked_and_end_with_the_time() -> None:
    acts = draw(1, 600, NAMES, (5, 40))
    for act, after in pairwise(acts):
        assert 4.98 <= after.at - act.at - act.seconds <= 40.02
        assert LASTS[0] <= act.seconds <= LASTS[1]
    assert 500 < acts[-1].at < 600


def test_what_a_fault_is_done_to_is_drawn_too() -> None:
    chosen = Counter(act.choose(["a", "b"]) for act in draw(1, 2000, NAMES, (1, 4)))
    assert set(chosen) == {"a", "b"}
    assert min(chosen.values()) > 100

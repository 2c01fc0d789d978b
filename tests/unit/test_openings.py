"""Who may open a connection: all, one a second, and then as many more as succeed."""

import pytest

from flask_scale.breaker import Breaker
from flask_scale.openings import WELL, Openings


@pytest.fixture
def now():
    return [0.0]


@pytest.fixture
def openings(now):
    return Openings(Breaker(clock=lambda: now[0]))


def admitted(openings, callers=100):
    return sum(openings.admits() for _ in range(callers))


def fail_twice(openings):
    for _ in range(2):
        assert openings.admits()
        openings.ended(opened=False)


def test_as_a_rule_everybody_is_admitted(openings):
    assert admitted(openings) == 100
    openings.ended(opened=False)
    assert admitted(openings) == 100


def test_while_none_can_be_opened_one_caller_a_second_tries(openings, now):
    fail_twice(openings)
    assert admitted(openings) == 0
    for _ in range(3):
        now[0] += 1
        assert admitted(openings) == 1
        openings.ended(opened=False)


def test_one_that_takes_long_is_the_only_one(openings, now):
    fail_twice(openings)
    now[0] += 1
    assert admitted(openings) == 1
    now[0] += 60
    assert admitted(openings) == 0


def test_a_server_that_comes_back_meets_no_crowd_but_soon_everybody(openings, now):
    fail_twice(openings)
    now[0] += 1
    at_once = []
    while sum(at_once) < 10 * WELL and len(at_once) < 10:
        at_once.append(admitted(openings))
        for _ in range(at_once[-1]):
            openings.ended(opened=True)
    assert at_once[:4] == [1, 2, 4, 8]
    assert at_once[-1] == 100


def test_one_that_fails_meanwhile_begins_anew(openings, now):
    fail_twice(openings)
    now[0] += 1
    assert admitted(openings) == 1
    openings.ended(opened=True)
    assert admitted(openings) == 2
    openings.ended(opened=False)
    openings.ended(opened=False)
    assert admitted(openings) == 0
    now[0] += 1
    assert admitted(openings) == 1

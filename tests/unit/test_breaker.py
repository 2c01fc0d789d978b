"""A server that fails is skipped, and tried again by one caller at a time."""

import pytest

from flask_scale.breaker import Breaker
from flask_scale.testing.cache import ManualClock


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def breaker(clock):
    return Breaker(failures=2, open_seconds=1.0, clock=clock)


def test_it_opens_after_failures_in_a_row_and_says_so_once(breaker):
    assert [breaker.failed(), breaker.allows()] == [False, True]
    assert [breaker.failed(), breaker.allows()] == [True, False]
    assert [breaker.failed(), breaker.allows()] == [False, False]


def test_a_success_between_failures_keeps_it_closed(breaker):
    breaker.failed()
    assert not breaker.succeeded()
    breaker.failed()
    assert breaker.allows()


def test_once_its_time_is_over_one_caller_a_period_tries(breaker, clock):
    breaker.failed()
    breaker.failed()
    clock.advance(1.0)
    assert [breaker.allows(), breaker.allows()] == [True, False]
    breaker.failed()
    assert not breaker.allows()
    clock.advance(1.0)
    assert breaker.allows()


def test_a_successful_try_closes_it(breaker, clock):
    breaker.failed()
    breaker.failed()
    clock.advance(1.0)
    assert breaker.allows()
    assert breaker.succeeded()
    assert [breaker.allows(), breaker.allows()] == [True, True]


def test_a_look_at_an_open_breaker_takes_no_turn(breaker, clock):
    breaker.failed()
    breaker.failed()
    assert not breaker.closed
    clock.advance(1.0)

    assert [breaker.closed, breaker.closed, breaker.allows(), breaker.closed] == [True, True, True, False]

"""The first caller of a key leads; the others take what it shares."""

import threading

import pytest

from flask_scale.cache.flight import Answer, Flight, Flights


def test_the_first_leads_and_the_next_follows_until_it_lands():
    flights = Flights()
    flight, leads = flights.join("a")
    assert leads
    assert flights.join("a") == (flight, False)
    assert flights.join("b")[1]
    flights.land("a", flight)
    assert flights.join("a")[1]


def test_followers_get_the_first_answer():
    flight = Flight()
    flight.land(Answer(b"1", "stale"))
    flight.land(Answer(b"2", "miss"))
    assert flight.answer() == Answer(b"1", "stale")
    assert not flight.loaded


def test_followers_get_the_leaders_error():
    flight = Flight()
    flight.land(error=ValueError("no such year"))
    with pytest.raises(ValueError, match="no such year"):
        flight.answer()
    assert flight.loaded


def test_a_flight_that_shares_nothing_lets_its_followers_go_on():
    flight = Flight()
    flight.land()
    assert flight.answer() is None
    assert flight.loaded


def test_a_follower_waits_for_the_landing():
    flight = Flight()
    threading.Timer(0.05, flight.land, [Answer(b"1", "miss")]).start()
    assert flight.wait(10.0)
    assert flight.answer() == Answer(b"1", "miss")


def test_a_follower_does_not_wait_for_ever():
    assert not Flight().wait(0.01)


def test_an_old_flight_landing_late_leaves_the_new_one_alone():
    flights = Flights()
    old, _ = flights.join("a")
    flights.land("a", old)
    new, _ = flights.join("a")
    flights.land("a", old)
    assert flights.join("a") == (new, False)

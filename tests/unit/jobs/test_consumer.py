"""Events of tasks go to the broker by the handful."""

from types import SimpleNamespace

import pytest

from flask_scale.jobs import consumer as module
from flask_scale.jobs.consumer import EVENTS_SECONDS, PatientConsumer


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(at=100.0)
    monkeypatch.setattr(module, "monotonic", lambda: now.at)
    return now


@pytest.fixture
def calls():
    return []


@pytest.fixture
def consumer(calls):
    made = PatientConsumer.__new__(PatientConsumer)
    made.hub = SimpleNamespace(call_later=lambda seconds, call: calls.append((seconds, call)))
    return made


def test_events_that_come_together_go_together(consumer, clock, calls):
    for _ in range(10):
        consumer.on_send_event_buffered()
    assert calls == [(EVENTS_SECONDS, consumer._flush_events)]


def test_a_timer_that_was_lost_holds_back_no_later_event(consumer, clock, calls):
    consumer.on_send_event_buffered()
    calls.clear()
    clock.at += EVENTS_SECONDS
    consumer.on_send_event_buffered()
    assert len(calls) == 1

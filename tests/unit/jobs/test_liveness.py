"""Liveness: how long ago the consumer loop turned."""

from flask_scale.jobs import liveness as room
from flask_scale.jobs.liveness import STUCK_SECONDS, Liveness


def test_without_a_beat_it_is_not_alive():
    liveness = Liveness()

    assert not liveness.alive
    assert not liveness.ready


def test_a_beat_makes_it_alive_and_silence_does_not(monkeypatch):
    liveness = Liveness()
    now = 1000.0
    monkeypatch.setattr(room.time, "monotonic", lambda: now)
    liveness.beat()
    assert liveness.alive

    now += STUCK_SECONDS

    assert not liveness.alive

"""Liveness: the age of the heartbeat file."""

import os
import time

import pytest

from flask_scale.jobs.liveness import STUCK_SECONDS, Liveness


@pytest.fixture
def liveness(tmp_path):
    return Liveness(tmp_path / "beat")


def test_without_a_beat_it_is_not_alive(liveness):
    assert not liveness.alive
    assert not liveness.ready


def test_a_beat_makes_it_alive_and_silence_does_not(liveness):
    liveness.beat()
    assert liveness.alive
    old = time.time() - STUCK_SECONDS - 1
    os.utime(liveness.path, (old, old))
    assert not liveness.alive


def test_its_file_is_named_for_the_port_and_gone_at_the_end():
    liveness = Liveness.at("0.0.0.0:8002")
    assert liveness.path.name == "flask-scale-worker-8002.heartbeat"
    liveness.beat()
    liveness.remove()
    liveness.remove()
    assert not liveness.path.exists()

"""The thread beside a job: one for many, gone when there are none, and replaced where it hangs."""

import threading

import pytest

from flask_scale.jobs.pulse import Pulse
from tests.support.jobs import wait_for


class Beat:
    """Counts its looks, and what thread they came from."""

    def __init__(self, keeps=True):
        self.keeps, self.threads = keeps, []
        self.go_on = threading.Event()
        self.go_on.set()

    def look(self):
        self.threads.append(threading.current_thread())
        self.go_on.wait(60)
        return self.keeps


@pytest.fixture
def pulse():
    return Pulse(0.01)


def looked_at(pulse, beat):
    pulse.begin(beat)
    wait_for(lambda: beat.threads)
    pulse.end(60)
    return beat.threads[-1]


def test_one_thread_looks_at_one_beat_after_the_other_and_ends_when_none_comes(pulse):
    pulse.begin(Beat())
    pulse.end(60)
    thread, again = looked_at(pulse, Beat()), looked_at(pulse, Beat())
    assert thread is again
    thread.join(60)
    assert not thread.is_alive()
    assert looked_at(pulse, Beat()).is_alive()


def test_what_has_ended_is_looked_at_no_more(pulse):
    beat = Beat()
    looked_at(pulse, beat)
    looks = len(beat.threads)
    looked_at(pulse, Beat())
    assert len(beat.threads) == looks


def test_after_a_beat_that_failed_another_is_looked_at(pulse):
    thread = looked_at(pulse, Beat(keeps=False))
    thread.join(60)
    assert looked_at(pulse, Beat()) is not thread


def test_a_look_that_hangs_holds_up_the_next_beat_no_longer_than_its_patience(pulse):
    hung = Beat()
    hung.go_on.clear()
    pulse.begin(hung)
    wait_for(lambda: hung.threads)
    pulse.end(0.01)
    assert looked_at(pulse, Beat()) is not hung.threads[0]
    hung.go_on.set()


def test_each_thread_that_runs_jobs_has_its_own(pulse):
    found = []
    mine = looked_at(pulse, Beat())
    other = threading.Thread(target=lambda: found.append(looked_at(pulse, Beat())))
    other.start()
    other.join()
    assert found[0] is not mine

"""The master's part in a start: a fork hears every signal, whenever it comes."""

import os
import signal

import pytest
from gunicorn.arbiter import Arbiter

from flask_scale.server.arbiter import DrainingArbiter, obey


@pytest.fixture
def master(monkeypatch):
    """A master whose handlers only note a signal, as gunicorn's do."""
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGQUIT)}
    yield object.__new__(DrainingArbiter)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_a_signal_that_comes_before_a_fork_has_handlers_ends_it(master, monkeypatch, number):
    def fork(_arbiter):
        pid = os.fork()
        if pid == 0:
            os.kill(os.getpid(), number)
            obey()
            os._exit(0)
        return pid

    monkeypatch.setattr(Arbiter, "spawn_worker", fork)

    _pid, status = os.waitpid(master.spawn_worker(), 0)

    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == number
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()

"""A fork waits for threads that hold locks, but not for ever."""

import os
import threading
import time

from flask_scale.jobs import quiet_fork
from flask_scale.jobs.quiet_fork import QuietFork


def fork_and_wait(in_child):
    pid = os.fork()
    if pid == 0:
        os._exit(in_child())
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_fork_happens_between_two_pieces_of_work(recwarn):
    quiet = QuietFork()
    lock = threading.Lock()
    over = threading.Event()

    def work():
        while not over.is_set():
            with quiet.at_work(), lock:
                time.sleep(0.002)
            time.sleep(0.0005)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        found = [fork_and_wait(lambda: int(lock.locked())) for _ in range(20)]
    finally:
        over.set()
        thread.join()
    assert found == [0] * 20


def test_a_thread_that_is_stuck_does_not_stop_forks(monkeypatch):
    monkeypatch.setattr(quiet_fork, "WAIT_SECONDS", 0.05)
    quiet = QuietFork()
    with quiet.at_work():
        assert fork_and_wait(lambda: 0) == 0

    def in_child():
        with quiet.at_work():
            return 7

    assert fork_and_wait(in_child) == 7

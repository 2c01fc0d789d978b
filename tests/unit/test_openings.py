"""Who may open a connection: all; while the server is away nobody, and a thread looks; then as many as succeed."""

import threading

import pytest

from flask_scale.breaker import Breaker
from flask_scale.openings import WELL_SECONDS, Openings


class Server:
    """Is there or not, and counts who looked; a look may be held up."""

    def __init__(self):
        self.now, self.away, self.looks = 0.0, True, 0
        self.looked, self.go_on = threading.Semaphore(0), threading.Event()
        self.go_on.set()

    def look(self):
        self.looks += 1
        self.go_on.wait(60)
        self.looked.release()
        if self.away:
            raise OSError


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def openings(server):
    def clock():
        return server.now

    return Openings(server.look, Breaker(clock=clock), clock)


def admitted(openings, callers=100):
    return sum(openings.admits() for _ in range(callers))


def fail(openings, times=2):
    for _ in range(times):
        assert openings.admits()
        openings.ended(opened=False)


def look_once(openings, server):
    """Let a second pass, and the thread look; gives once it has told what it saw."""
    server.go_on.clear()
    server.now += 1
    assert admitted(openings) == 0
    server.go_on.set()
    assert server.looked.acquire(timeout=60)
    for thread in threading.enumerate():
        if thread.name == "database comes back":
            thread.join(60)


def test_as_a_rule_everybody_is_admitted(openings):
    assert admitted(openings) == 100
    openings.ended(opened=False)
    assert admitted(openings) == 100


def test_while_none_can_be_opened_nobody_waits_and_one_thread_looks_once_a_second(openings, server):
    fail(openings)
    assert admitted(openings) == 0
    assert server.looks == 0
    for looks in (1, 2, 3):
        look_once(openings, server)
        assert admitted(openings) == 0
        assert server.looks == looks


def test_a_look_that_takes_long_is_the_only_one(openings, server):
    fail(openings)
    server.go_on.clear()
    for _ in range(10):
        server.now += 1
        assert admitted(openings) == 0
    server.go_on.set()
    assert server.looked.acquire(timeout=60)
    assert server.looks == 1


def test_a_server_that_comes_back_meets_no_crowd_but_soon_everybody(openings, server):
    fail(openings)
    server.away = False
    look_once(openings, server)
    at_once = []
    for _ in range(6):
        at_once.append(admitted(openings))
        for _ in range(at_once[-1]):
            openings.ended(opened=True)
    assert at_once == [1, 2, 4, 8, 16, 32]


def test_some_seconds_after_the_last_failure_everybody_is_admitted_again(openings, server):
    fail(openings)
    server.away = False
    look_once(openings, server)
    server.now += WELL_SECONDS
    assert admitted(openings) == 100


def test_a_failure_meanwhile_begins_anew(openings, server):
    fail(openings)
    server.away = False
    look_once(openings, server)
    fail(openings, times=1)
    assert openings.admits()  # one is none
    openings.ended(opened=False)
    assert admitted(openings) == 0


def test_a_caller_that_gives_up_says_nothing_of_the_server(openings):
    for _ in range(10):
        assert openings.admits()
        openings.given_up()
    assert admitted(openings) == 100

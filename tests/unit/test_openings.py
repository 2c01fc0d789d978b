"""Who may open a connection: all; while the server is away nobody, and a thread looks; then as many as succeed."""

import threading

import pytest

from flask_scale.openings import WELL_SECONDS, Openings


class Server:
    """Is there or not, and counts who looked; who looks waits for the test to let a second pass."""

    def __init__(self):
        self.now, self.away, self.looks = 0.0, True, 0
        self.rests, self.seconds = threading.Semaphore(0), threading.Semaphore(0)

    def pause(self, seconds):
        self.rests.release()
        self.seconds.acquire(timeout=60)
        self.now += seconds

    def look(self):
        self.looks += 1
        if self.away:
            raise OSError


def lookers():
    return [thread for thread in threading.enumerate() if thread.name == "database comes back"]


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def openings(server):
    yield Openings(server.look, lambda: server.now, server.pause)
    server.away = False
    server.seconds.release(100)
    for thread in lookers():
        thread.join(60)


def admitted(openings, callers=100):
    return sum(openings.admits() for _ in range(callers))


def fail(openings, times=2):
    for _ in range(times):
        assert openings.admits()
        openings.ended(opened=False)


def look_once(server):
    """Let a second pass, and the thread look; gives once it has told what it saw."""
    assert server.rests.acquire(timeout=60)
    server.seconds.release()
    if not server.away:
        for thread in lookers():
            thread.join(60)
        return
    assert server.rests.acquire(timeout=60)
    server.rests.release()


def test_as_a_rule_everybody_is_admitted(openings):
    assert admitted(openings) == 100
    openings.ended(opened=False)
    assert admitted(openings) == 100


def test_while_none_can_be_opened_nobody_waits_and_one_thread_looks_once_a_second(openings, server):
    fail(openings)
    assert admitted(openings) == 0
    assert server.looks == 0
    for looks in (1, 2, 3):
        look_once(server)
        assert admitted(openings) == 0
        assert server.looks == looks


def test_one_that_is_back_is_found_though_nobody_asked(openings, server):
    fail(openings)
    server.away = False
    look_once(server)
    server.now += WELL_SECONDS
    assert openings.admits()


def test_those_that_fail_meanwhile_bring_no_second_thread(openings, server):
    assert admitted(openings, callers=10) == 10
    for _ in range(10):
        openings.ended(opened=False)
    assert len(lookers()) == 1


def test_nobody_looks_once_nobody_is_there_to_ask(openings, server):
    fail(openings)
    (thread,) = lookers()
    openings.close()
    server.seconds.release()
    thread.join(60)
    assert server.looks == 0


def test_a_server_that_comes_back_meets_no_crowd_but_soon_everybody(openings, server):
    fail(openings)
    server.away = False
    look_once(server)
    at_once = []
    for _ in range(6):
        at_once.append(admitted(openings))
        for _ in range(at_once[-1]):
            openings.ended(opened=True)
    assert at_once == [1, 2, 4, 8, 16, 32]


def test_some_seconds_after_the_last_failure_everybody_is_admitted_again(openings, server):
    fail(openings)
    server.away = False
    look_once(server)
    server.now += WELL_SECONDS
    assert admitted(openings) == 100


def test_a_failure_meanwhile_begins_anew(openings, server):
    fail(openings)
    server.away = False
    look_once(server)
    fail(openings, times=1)
    assert openings.admits()  # one is none
    openings.ended(opened=False)
    assert admitted(openings) == 0


def test_a_caller_that_gives_up_says_nothing_of_the_server(openings):
    for _ in range(10):
        assert openings.admits()
        openings.given_up()
    assert admitted(openings) == 100

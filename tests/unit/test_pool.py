"""The overflow of the pool stays while it is needed, and keeps nobody waiting."""

import sqlite3
import threading
import time

import pytest
from sqlalchemy import create_engine
from sqlalchemy.util.queue import Empty

from flask_scale import pool as module
from flask_scale.pool import IdleConnections, LingeringPool


@pytest.fixture
def engine(tmp_path):
    made = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(tmp_path / "data", check_same_thread=False),
        poolclass=LingeringPool,
        pool_size=2,
        max_overflow=3,
        pool_timeout=5,
    )
    yield made
    made.dispose()


def take(engine, count):
    return [engine.connect() for _ in range(count)]


def test_connections_over_the_size_are_kept_while_they_are_needed(engine):
    held = take(engine, 5)
    made = {id(one.connection.dbapi_connection) for one in held}
    for one in held:
        one.close()
    assert engine.pool.checkedin() == 5
    again = take(engine, 5)
    assert {id(one.connection.dbapi_connection) for one in again} == made
    assert engine.pool.checkedout() == 5
    for one in again:
        one.close()


def test_they_are_closed_once_they_are_not(engine, monkeypatch):
    for one in take(engine, 5):
        one.close()
    monkeypatch.setattr(module, "LINGER_SECONDS", 0.0)
    for _ in range(5):
        engine.connect().close()
    assert (engine.pool.checkedin(), engine.pool.overflow(), engine.pool.size()) == (2, 0, 2)


def test_whoever_waits_gets_what_is_given_back_however_long_it_was_held(engine, monkeypatch):
    monkeypatch.setattr(module, "LINGER_SECONDS", 0.2)
    held = take(engine, 5)
    got = []
    waiting = [threading.Thread(target=lambda: got.append(engine.connect())) for _ in range(2)]
    for one in waiting:
        one.start()
    time.sleep(0.5)
    for one in held[:2]:
        one.close()
    for one in waiting:
        one.join(2)
    assert len(got) == 2
    for one in (*held, *got):
        one.close()


def test_a_pool_made_anew_has_the_same_bounds(engine):
    take(engine, 1)[0].close()
    engine.dispose()
    held = take(engine, 5)
    assert (engine.pool.size(), engine.pool.checkedout(), engine.pool.overflow()) == (2, 5, 3)
    for one in held:
        one.close()


def test_many_threads_that_wait_for_few_connections_all_get_their_turn(engine):
    held, most, turns = set(), [], []

    def take_turns():
        for _ in range(200):
            with engine.connect() as connection:
                mine = id(connection.connection.dbapi_connection)
                assert mine not in held
                held.add(mine)
                most.append(len(held))
                time.sleep(0)
                held.discard(mine)
                turns.append(mine)

    callers = [threading.Thread(target=take_turns) for _ in range(12)]
    for one in callers:
        one.start()
    for one in callers:
        one.join(60)

    assert len(turns) == 12 * 200
    assert max(most) <= 5
    assert engine.pool.checkedout() == 0


def test_connections_are_used_in_turn(engine):
    held = take(engine, 2)
    first, second = (id(one.connection.dbapi_connection) for one in held)
    for one in held:
        one.close()
    with engine.connect() as one:
        assert id(one.connection.dbapi_connection) == first
    with engine.connect() as one:
        assert id(one.connection.dbapi_connection) == second


def test_who_gave_up_waiting_is_handed_nothing_that_another_could_have():
    idle = IdleConnections(3)
    for _ in range(2):
        with pytest.raises(Empty):
            idle.get(True, 0.01)

    idle.put("first")
    idle.put("second")

    assert [idle.get(False), idle.get(True, 0.01)] == ["first", "second"]
    with pytest.raises(Empty):
        idle.get(False)


def test_what_was_handed_to_somebody_who_is_stopped_meanwhile_is_given_on(monkeypatch):
    idle = IdleConnections(3)

    class Stopped(BaseException):
        pass

    class Arrived:
        def acquire(self, timeout=None):
            if timeout is not None:
                idle.put("handed")
                raise Stopped

        def release(self):
            pass

    monkeypatch.setattr(module.threading, "Lock", Arrived)
    with pytest.raises(Stopped):
        idle.get(True, 1)

    assert idle.get(False) == "handed"

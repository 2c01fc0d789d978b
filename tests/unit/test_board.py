"""Gauges that processes share: each writes its own row, all read the sum."""

import os

import pytest

from flask_scale import board
from flask_scale.board import Board


def in_child(work):
    """Run `work` in a forked process and wait for its end."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def test_a_total_is_the_sum_over_processes_and_gauges_do_not_mix():
    shared = Board(rows=3)
    shared.attach(0)
    shared.add("in_flight", 2)

    def other():
        shared.attach(2)
        shared.add("in_flight", 5)
        shared.add("pool_waiting", 1)

    in_child(other)

    assert shared.total("in_flight") == 7
    assert shared.total("pool_waiting") == 1
    assert shared.total("pool_in_use") == 0


def test_the_numbers_of_a_process_that_ended_go_when_its_row_is_cleared():
    shared = Board(rows=2)

    def killed_in_the_middle():
        shared.attach(1)
        shared.add("in_flight", 3)

    in_child(killed_in_the_middle)
    assert shared.total("in_flight") == 3

    shared.clear(1)

    assert shared.total("in_flight") == 0


def test_a_drain_is_seen_by_every_process():
    shared = Board(rows=2)
    in_child(shared.drain)
    assert shared.draining


def test_a_slot_beyond_the_board_is_refused():
    with pytest.raises(IndexError, match="slot 2 of 2"):
        Board(rows=2).attach(2)


def test_a_fork_without_slots_gets_a_board_of_its_own(monkeypatch):
    fresh = Board()
    monkeypatch.setattr(board, "current", fresh)
    monkeypatch.setattr(board, "_unshared", fresh)
    fresh.add("in_flight", 1)

    in_child(lambda: board.current.add("in_flight", 1))

    assert fresh.total("in_flight") == 1


def test_a_fork_keeps_the_board_that_the_server_put_up(monkeypatch):
    shared = Board(rows=2)
    monkeypatch.setattr(board, "current", shared)

    def child():
        board.current.attach(1)
        board.current.add("in_flight", 1)

    in_child(child)

    assert shared.total("in_flight") == 1

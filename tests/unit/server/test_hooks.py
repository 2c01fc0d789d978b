"""What gunicorn calls: each process has its slot, on the board and in the metrics files, until it ends."""

import gc
import os
from types import SimpleNamespace

import pytest

from flask_scale import board
from flask_scale.board import Board
from flask_scale.metrics import multiprocess
from flask_scale.server import memory
from flask_scale.server.hooks import Hooks
from flask_scale.settings import Settings


@pytest.fixture
def hooks(monkeypatch, tmp_path):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    monkeypatch.setattr(board, "current", Board(rows=8))
    return Hooks(Settings())


def test_a_fork_shows_on_its_row_and_counts_in_its_files_and_its_row_goes_with_it(hooks):
    first, second = SimpleNamespace(), SimpleNamespace()
    hooks.pre_fork(None, first)
    hooks.pre_fork(None, second)
    pid = os.fork()
    if pid == 0:
        hooks.post_fork(None, second)
        board.current.add("in_flight", 3)
        os._exit(0 if multiprocess._writer == str(second.slot) else 1)
    _pid, status = os.waitpid(pid, 0)
    assert status == 0
    assert board.current.total("in_flight") == 3

    hooks.child_exit(None, second)

    assert board.current.total("in_flight") == 0
    assert first.slot != second.slot


def test_the_slot_of_an_ended_process_is_the_next_ones(hooks):
    taken = set()
    for _ in range(200):
        worker = SimpleNamespace()
        hooks.pre_fork(None, worker)
        taken.add(worker.slot)
        hooks.child_exit(None, worker)
    assert taken == {0}


def test_the_collector_is_on_again_in_a_master_that_is_ready(hooks):
    memory.hold()
    try:
        hooks.when_ready(SimpleNamespace(app=SimpleNamespace(), failure=None))
        assert gc.isenabled()
    finally:
        gc.unfreeze()
        gc.enable()


@pytest.mark.parametrize("draining", [False, True])
def test_answers_close_their_connections_while_draining_only(hooks, draining):
    closed = []
    if draining:
        board.current.drain()

    hooks.pre_request(None, SimpleNamespace(force_close=lambda: closed.append(True)))

    assert closed == [True] * draining

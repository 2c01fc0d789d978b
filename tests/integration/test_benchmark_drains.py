"""A drain counts the jobs that get done; a queue that fails says so, and no drain waits for ever."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import drain
from benchmarks.drain import QUEUES, Drain, Queue
from benchmarks.stores import Stores, running_stores
from flask_scale.errors import DevStackError

JOBS = 20


@pytest.fixture(scope="module")
def stores(servers_folder: Path) -> Iterator[Stores]:
    folder = servers_folder / "drains"
    folder.mkdir(mode=0o755)
    with running_stores(folder) as stores:
        yield stores


def test_jobs_of_ours_are_counted_and_their_cost_told(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "BEGIN", 0.0)
    (ours,) = (queue for queue in QUEUES if queue.name == drain.OURS)
    block = Drain(ours, stores, tmp_path).run(JOBS)
    assert 0.9 * JOBS <= block.told.requests <= JOBS
    assert block.cpu > block.stores > 0


def test_a_worker_that_ends_is_told_with_the_last_that_it_said(stores: Stores, tmp_path: Path) -> None:
    ends = Queue("ends", "celery_default", (sys.executable, "-c", "raise SystemExit('not today')"))
    with pytest.raises(DevStackError, match="0 jobs done, 2 waited for, then ended with exit code 1: not today"):
        Drain(ends, stores, tmp_path).run(JOBS)


def test_a_worker_that_hangs_is_given_up(stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hangs = Queue("hangs", "rq_redis", (sys.executable, "-c", "import time; time.sleep(600)"))
    monkeypatch.setattr(Drain, "_call", lambda *_arguments: None)
    monkeypatch.setattr(drain, "LONGEST_SECONDS", 0.2)
    with pytest.raises(DevStackError, match="0 jobs done, 2 waited for, then took over"):
        Drain(hangs, stores, tmp_path).run(JOBS)

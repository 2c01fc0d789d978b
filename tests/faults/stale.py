"""A Celery worker is stopped past its leases while another finishes its jobs: what it writes then is rejected."""

import itertools
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import requests

from tests.faults.field import FENCED, Say, counted
from tests.faults.stand import LOOK_SECONDS, Stand, name_of

#: How long each job takes, in seconds.
PAUSE_SECONDS = 2.0

#: Longest wait for anything, in seconds.
PATIENCE_SECONDS = 180.0


@dataclass(frozen=True)
class Stopped:
    """What came of it."""

    #: Attempts whose lease ended while their worker was stopped, and that went on afterwards.
    stale: int
    #: Writes that the stopped worker says were rejected.
    rejected: int
    #: Jobs whose one effect is not there just once, and those that did not end by another's attempt.
    wrong: Sequence[str]


def stop(stand: Stand, attempts: int, *, at_once: int, say: Say = lambda _: None) -> Stopped:
    """Stop the stand's first Celery worker, round after round, until so many of its attempts were stale.

    Args:
        at_once: Jobs of a round; best as many as the Celery workers run at once.
    """
    worker = stand.workers[0]
    rejected = counted(worker, FENCED)
    run, stale = secrets.token_hex(4), 0
    for number in itertools.count():
        stale += _stop_once(stand, f"{run}-{number}", at_once)
        say(f"{stale} stale attempts")
        if stale >= attempts:
            break
    _wait(lambda: counted(worker, FENCED) - rejected >= stale)
    return Stopped(stale, int(counted(worker, FENCED) - rejected), _wrong(stand, run))


def _stop_once(stand: Stand, note: str, jobs: int) -> int:
    worker = stand.workers[0]
    ours = f"SELECT count(*) FROM jobs WHERE args ->> 'note' = '{note}'"
    running = f"{ours} AND state = 'running' AND worker = '{name_of(worker)}'"
    unended = f"{ours} AND state <> 'succeeded'"
    _enqueue(stand, note, jobs)
    _wait(lambda: _count(stand, running) > 0)
    worker.pause()
    try:
        stopped = _count(stand, running)
        _wait(lambda: _count(stand, unended) == 0)
    finally:
        worker.resume()
    return stopped


def _enqueue(stand: Stand, note: str, jobs: int) -> None:
    for number in range(jobs):
        answer = requests.post(
            f"{stand.url}/v1/steps",
            json={"steps": 1, "pause": PAUSE_SECONDS, "note": note},
            headers={"Authorization": f"Bearer {stand.key}", "Idempotency-Key": f"{note}-{number}"},
            timeout=60,
        )
        answer.raise_for_status()


def _wrong(stand: Stand, run: str) -> list[str]:
    """Jobs that took their step not just once, or did not end just once."""
    rows = stand.query(
        f"""SELECT id, (SELECT count(*) FROM steps WHERE job_id = jobs.id),
                   (SELECT count(*) FROM job_events WHERE job_id = jobs.id AND event = 'succeeded')
            FROM jobs WHERE args ->> 'note' LIKE '{run}-%'"""
    )
    assert rows
    return [job for job, steps, ends in rows if (steps, ends) != ("1", "1")]


def _count(stand: Stand, statement: str) -> int:
    ((count,),) = stand.query(statement)
    return int(count)


def _wait(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(LOOK_SECONDS)

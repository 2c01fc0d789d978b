"""Whatever happens at whichever point of a job's life: no job is lost, each effect happens once, its history is sound.

One stand for all: each test arms one point, and sends one job through API, broker, Celery worker and reconciler.
"""

import asyncio
import time
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from flask_scale.dev.account import temporary_folder, unprivileged
from flask_scale.jobs import failpoints
from tests.faults.stand import Stand, Times
from tests.load.checker import check
from tests.load.facts import cursor_rows
from tests.load.generator import Generator
from tests.load.history import FILE, History, HistoryWriter
from tests.load.plan import Plan
from tests.load.target import Target

pytestmark = pytest.mark.timeout(300)

#: Short, so that a lease that was lost costs little.
TIMES = Times(lease=2, heartbeat=0.5, sweep=0.4, backoff_cap=1)

#: Longer than a lease: another attempt has begun when it is over.
PAUSE_SECONDS = 3.0

#: One job, sent again under its key for as long as nobody knows what became of it.
PLAN = Plan.steady(rate=1, seconds=1, mix={"run_steps": 1}, timeout_seconds=20, resolve_seconds=60)

#: Longest wait for the job's end; a passing test needs a fraction of it.
SETTLE_SECONDS = 90.0

#: Of every job of this file.
HISTORIES: list[History] = []


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    with temporary_folder(unprivileged()) as folder, Stand(folder, TIMES, apis=1, workers=1) as stand:
        yield stand


def send_job(stand: Stand, folder: Path) -> History:
    """Send it as a client does, and give what that client saw."""
    run = f"run{len(HISTORIES)}"
    file = folder / run / FILE
    file.parent.mkdir()
    writer = HistoryWriter(file, run)
    asyncio.run(Generator(PLAN, Target(stand.url, stand.key), writer, run).run())
    writer.close()
    history = History.read(file)
    HISTORIES.append(history)
    return history


def send_to_reconciler(stand: Stand, folder: Path) -> History:
    """Send jobs without their hints, until it is a reconciler that sends one: who just ended a job may do it too."""
    while True:
        failpoints.arm(stand.failpoints, "publish.before", "timeout")
        history = send_job(stand, folder)
        wait_for_end(stand, history, but=["sweep"])
        if not failpoints.armed(stand.failpoints):
            return history


def wait_for_end(stand: Stand, history: History, *, but: Collection[str] = ()) -> None:
    """Until it succeeded and each fault but those has happened; whatever process ended meanwhile is started again."""
    (operation,) = history.operations
    assert operation.accepted, f"not accepted: {[(one.status, one.error) for one in operation.outcomes]}"
    state = f"SELECT state FROM jobs WHERE id = '{operation.accepted.job}'"
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        found = stand.query(state), failpoints.armed(stand.failpoints)
        if found[0] == [["succeeded"]] and set(found[1]) <= set(but):
            return
        assert time.monotonic() < deadline, f"it did not end, or nothing came to its point: {found}"
        stand.tend()
        time.sleep(0.1)


@pytest.mark.parametrize("kind", failpoints.KINDS)
@pytest.mark.parametrize("point", failpoints.POINTS)
def test_a_job_is_done_once_whatever_happens(stand: Stand, tmp_path: Path, point: str, kind: failpoints.Kind) -> None:
    stand.heal()
    failpoints.arm(stand.failpoints, point, kind, PAUSE_SECONDS)

    # A reconciler has something to send where the API did not.
    history = send_to_reconciler(stand, tmp_path) if point == "sweep" else send_job(stand, tmp_path)
    wait_for_end(stand, history)

    check(history, stand.query, settle_seconds=0).assert_sound()


def test_a_hint_that_was_sent_twice_runs_its_job_once(stand: Stand, tmp_path: Path) -> None:
    """The API's is lost; a reconciler's arrives, and the reconciler is told that it did not."""
    stand.heal()
    failpoints.arm(stand.failpoints, "publish.before", "timeout")
    failpoints.arm(stand.failpoints, "publish.after", "timeout")

    history = send_job(stand, tmp_path)
    wait_for_end(stand, history)

    check(history, stand.query, settle_seconds=0).assert_sound()


def test_what_comes_back_after_its_pause_finds_nothing_to_change(stand: Stand) -> None:
    assert HISTORIES
    time.sleep(PAUSE_SECONDS + TIMES.lease)
    with closing(psycopg2.connect(stand.database_url)) as connection, connection.cursor() as cursor:
        for history in HISTORIES:
            check(history, cursor_rows(cursor), settle_seconds=0).assert_sound()

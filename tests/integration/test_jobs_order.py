"""When jobs begin on real Celery workers: by queue, by time, by tick, and how many at once."""

import time
from datetime import timedelta
from itertools import accumulate

import pytest
import redis
from sqlalchemy import text

from flask_scale.jobs.turn import TURN_SECONDS
from tests.support.apps import jobs as tasks
from tests.support.jobs import Farm, wait_for


@pytest.fixture
def farm(migrated_database_url, broker_url, tmp_path):
    with Farm(migrated_database_url, broker_url, tmp_path) as farm:
        yield farm


def moments(farm, event, task):
    """When each job of the task had the event, in order."""
    query = text(
        "SELECT at FROM job_events JOIN jobs ON jobs.id = job_id WHERE event = :event AND task = :task ORDER BY at"
    )
    with farm.database.transaction() as session:
        return list(session.scalars(query, {"event": event, "task": task}))


@pytest.mark.parametrize("queues", ["urgent,default", "default,urgent"])
def test_a_worker_serves_its_queues_in_the_order_in_which_they_are_given(farm, queues):
    accepted = [task.enqueue() for _ in range(8) for task in (tasks.ordinary, tasks.urgent)]
    farm.worker(worker_concurrency="1", worker_queues=queues)
    wait_for(lambda: all(farm.jobs.get(job.id).finished for job in accepted))
    first, second = queues.replace("default", "ordinary").split(",")
    assert max(moments(farm, "claimed", first)) < min(moments(farm, "claimed", second))


def test_an_urgent_job_overtakes_a_long_queue_that_was_there_before(farm, broker_url, tmp_path):
    go = tmp_path / "go"
    first = tasks.held.enqueue(str(go))
    ordinary = [tasks.ordinary.enqueue() for _ in range(40)]
    farm.worker(worker_concurrency="1", worker_queues="urgent,default")
    wait_for(lambda: farm.jobs.get(first.id).state == "running")
    urgent = tasks.urgent.enqueue()
    with redis.from_url(broker_url) as broker:
        wait_for(lambda: broker.llen("urgent"))
    time.sleep(TURN_SECONDS)  # So long a process may go on with a queue that it has begun.
    go.touch()
    wait_for(lambda: all(farm.jobs.get(job.id).finished for job in [*ordinary, urgent]))
    assert moments(farm, "claimed", "urgent") < moments(farm, "claimed", "ordinary")


def test_a_job_begins_so_long_after_its_enqueue_as_it_was_told_to_wait(farm):
    farm.worker()
    ended = farm.ended(tasks.add.enqueue(1, 2, run_in=timedelta(seconds=2)))
    assert ended.started_at - ended.created_at >= timedelta(seconds=2)
    assert ended.result == 3


def test_a_missed_tick_is_run_once_by_any_number_of_workers(farm):
    with farm.database.transaction() as session:
        session.execute(
            text("INSERT INTO job_schedules VALUES ('yearly', '0 0 1 1 *', 'Europe/Paris', now() - interval '9 years')")
        )
    for _ in range(2):
        farm.worker()
    wait_for(lambda: farm.jobs.list(task="yearly", state="succeeded"))
    # Each of both sweeps again and again before a job that was enqueued now is found by a sweep.
    farm.ended(tasks.add.enqueue(1, 2, run_in=3))
    [job] = farm.jobs.list(task="yearly")
    assert farm.jobs.events(job.id)[0].detail["tick"].endswith("-01-01T00:00:00+01:00")


def test_no_more_jobs_of_a_task_run_at_once_than_it_says_and_all_of_them_do(farm):
    accepted = [tasks.single_file.enqueue(0.2) for _ in range(8)]
    for _ in range(2):
        farm.worker(job_sweep_seconds="30")
    wait_for(lambda: all(farm.jobs.get(job.id).state == "succeeded" for job in accepted))
    begun = [(at, 1) for at in moments(farm, "claimed", "single_file")]
    ended = [(at, -1) for at in moments(farm, "succeeded", "single_file")]
    assert max(accumulate(step for _at, step in sorted(begun + ended))) == 1
    assert {farm.jobs.get(job.id).attempt for job in accepted} == {1}

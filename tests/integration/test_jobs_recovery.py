"""Accepted jobs run, whatever happens to the broker, to Celery workers and to hints."""

import signal
import time
from datetime import timedelta

import psutil
import pytest
import requests

from tests.support.apps import jobs as tasks
from tests.support.jobs import Farm, wait_for


@pytest.fixture
def farm(migrated_database_url, broker_url, tmp_path):
    with Farm(migrated_database_url, broker_url, tmp_path) as farm:
        yield farm


def all_succeeded(farm, accepted):
    return all(farm.jobs.get(job.id).state == "succeeded" for job in accepted)


def counted(worker, name):
    """The sum of a metric's series on the worker's internal port."""
    lines = requests.get(f"{worker.internal_url}/metrics", timeout=10).text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def test_all_jobs_accepted_while_the_broker_was_stopped_run_once_it_is_back(farm, broker_server):
    worker = farm.worker()
    broker_server.stop()

    began = time.monotonic()
    accepted = [tasks.effect.enqueue() for _ in range(50)]
    accepting = time.monotonic() - began
    assert worker.running
    broker_server.start()

    wait_for(lambda: all_succeeded(farm, accepted))
    assert [farm.effects(job) for job in accepted] == [[0]] * 50
    assert accepting < 10


def test_all_queued_jobs_run_after_the_broker_lost_everything(farm, broker_server):
    accepted = [tasks.effect.enqueue() for _ in range(50)]
    with broker_server.client() as client:
        assert client.llen("default") == 50
        client.flushall()

    farm.worker()

    wait_for(lambda: all_succeeded(farm, accepted))
    assert [farm.effects(job) for job in accepted] == [[0]] * 50


def test_a_broker_that_hangs_delays_an_enqueue_by_its_timeout_at_most_and_loses_nothing(farm, broker_server):
    farm.worker()
    broker_server.pause()
    try:
        began = time.monotonic()
        accepted = [tasks.effect.enqueue() for _ in range(20)]
        accepting = time.monotonic() - began
    finally:
        broker_server.resume()

    wait_for(lambda: all_succeeded(farm, accepted))
    assert accepting < 10


def is_ready(worker):
    return requests.get(f"{worker.internal_url}/readyz", timeout=10).status_code == 200


def test_a_worker_sees_that_its_broker_hangs_and_works_on_once_it_answers(farm, broker_server):
    worker = farm.worker()
    broker_server.pause()
    try:
        wait_for(lambda: not is_ready(worker))
    finally:
        broker_server.resume()

    wait_for(lambda: is_ready(worker))
    assert farm.ended(tasks.add.enqueue(1, 2)).result == 3


def test_a_worker_whose_broker_hangs_ends_at_sigterm(farm, broker_server):
    worker = farm.worker()
    broker_server.pause()
    try:
        wait_for(lambda: not is_ready(worker))
        worker.ask_to_stop()
        wait_for(lambda: not worker.running)
    finally:
        broker_server.resume()


def test_a_long_queue_is_not_flooded_with_hints(farm, broker_server):
    farm.worker(worker_concurrency="1")
    accepted = [tasks.steps.enqueue(1, 0.15) for _ in range(40)]
    with broker_server.client() as client:
        longest = 0
        while not all_succeeded(farm, accepted):
            longest = max(longest, client.llen("default"))
            time.sleep(0.2)
    assert longest <= 41
    repeated = sum(farm.history(job).count("republished") for job in accepted)
    assert repeated <= 10


def test_after_a_killed_worker_another_goes_on_from_the_checkpoint(farm):
    first = farm.worker(worker_concurrency="1")
    job = tasks.steps.enqueue(12, 0.5)
    wait_for(lambda: len(farm.effects(job)) >= 3)
    first.kill()
    farm.worker(worker_concurrency="1")

    ended = farm.ended(job)
    assert farm.effects(job) == list(range(12))
    assert ended.result["began"] >= 3
    assert (ended.state, ended.attempt) == ("succeeded", 2)
    assert "lease_expired" in farm.history(job)


def test_a_worker_that_slept_past_its_lease_writes_nothing_and_that_is_counted(farm, tmp_path):
    marker = tmp_path / "stale"
    first = farm.worker(worker_concurrency="1")
    job = tasks.stale.enqueue(str(marker))
    wait_for(marker.exists)
    first.pause()
    wait_for(lambda: farm.jobs.store.expire(10) or farm.jobs.get(job.id).state == "queued")
    second = farm.worker(worker_concurrency="1")
    assert farm.ended(job).result == "second"

    first.resume()

    wait_for(lambda: marker.read_text() == "rejected")
    assert farm.effects(job) == []
    assert farm.jobs.get(job.id).result == "second"
    wait_for(lambda: counted(first, "flask_scale_jobs_fenced_total") >= 1)
    assert counted(second, "flask_scale_jobs_fenced_total") == 0


def test_a_worker_that_is_told_to_end_lets_a_short_job_finish(farm):
    worker = farm.worker(worker_concurrency="1", graceful_timeout_seconds="30")
    job = tasks.steps.enqueue(5, 0.2)
    wait_for(lambda: farm.jobs.get(job.id).state == "running")
    worker.stop()
    assert farm.jobs.get(job.id).state == "succeeded"
    assert worker.exit_code == 0


def test_a_job_longer_than_the_grace_period_is_given_back_and_goes_on_elsewhere(farm):
    first = farm.worker(worker_concurrency="1", graceful_timeout_seconds="1")
    job = tasks.steps.enqueue(60, 0.1)
    wait_for(lambda: len(farm.effects(job)) >= 3)
    first.stop()
    assert first.exit_code == 0
    assert farm.history(job)[-1] == "released"

    farm.worker(worker_concurrency="1")

    ended = farm.ended(job)
    assert farm.effects(job) == list(range(60))
    assert (ended.result["began"] >= 3, ended.attempt) == (True, 1)


def test_a_database_that_restarts_loses_no_job_and_doubles_no_effect(farm, postgres_server):
    farm.worker()
    accepted = [tasks.steps.enqueue(10, 0.1) for _ in range(6)]
    wait_for(lambda: farm.effects(accepted[0]))
    postgres_server.stop()
    postgres_server.start()
    farm.database.close()

    wait_for(lambda: all_succeeded(farm, accepted))
    assert [farm.effects(job) for job in accepted] == [list(range(10))] * 6


def test_a_killed_pool_process_costs_its_job_one_attempt_and_no_other_job(farm):
    worker = farm.worker(worker_concurrency="1")
    job = tasks.steps.enqueue(20, 0.3)
    wait_for(lambda: len(farm.effects(job)) >= 2)
    [child] = psutil.Process(worker.pid).children()
    child.send_signal(signal.SIGKILL)
    other = tasks.add.enqueue(1, 2)

    assert farm.ended(other).result == 3
    assert farm.ended(job).attempt == 2
    assert farm.effects(job) == list(range(20))


def test_a_job_is_not_run_before_its_time(farm):
    farm.worker()
    later = tasks.add.enqueue(0, 0).created_at + timedelta(seconds=2)
    job = tasks.add.enqueue(1, 2, run_at=later)
    ended = farm.ended(job)
    assert ended.started_at >= ended.run_at == later
    assert ended.result == 3

"""Every job comes to an end that says why: cancelled, over its time, dead with a readable error."""

import pytest

from tests.support.apps import jobs as tasks
from tests.support.jobs import Farm, wait_for


@pytest.fixture
def farm(migrated_database_url, broker_url, tmp_path):
    with Farm(migrated_database_url, broker_url, tmp_path) as farm:
        yield farm


@pytest.mark.parametrize("task", [tasks.polite, tasks.deaf])
def test_a_running_job_is_cancelled_whether_its_task_looks_or_not(farm, task):
    farm.worker()
    job = task.enqueue()
    wait_for(lambda: farm.jobs.get(job.id).state == "running")

    farm.jobs.cancel(job.id)

    assert farm.ended(job).state == "cancelled"
    assert farm.history(job) == ["enqueued", "claimed", "cancel_requested", "cancelled"]
    assert farm.ended(tasks.add.enqueue(1, 2)).result == 3


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_a_task_that_looks_is_cancelled_in_every_pool(farm, pool):
    farm.worker(worker_pool=pool)
    job = tasks.polite.enqueue()
    wait_for(lambda: farm.jobs.get(job.id).state == "running")
    farm.jobs.cancel(job.id)
    assert farm.ended(job).state == "cancelled"


def test_poison_ends_dead_with_a_readable_error_and_other_jobs_go_on(farm):
    farm.worker(worker_concurrency="2")
    poison = {
        task.name: task.enqueue()
        for task in (tasks.endless, tasks.crash, tasks.not_json, tasks.unpicklable, tasks.failing, tasks.hopeless)
    }
    flaky = tasks.flaky.enqueue()
    healthy = [tasks.add.enqueue(number, 1) for number in range(20)]

    ended = {name: farm.ended(job) for name, job in poison.items()}

    assert {job.state for job in ended.values()} == {"dead"}
    found = {name: (job.error["type"], job.error["message"], job.attempt) for name, job in ended.items()}
    assert found["endless"] == ("JobTimeout", f"job {ended['endless'].id}: over its limit of 0.5 s", 1)
    assert found["crash"][0] == "WorkerLost"
    assert found["crash"][2] == 2
    assert found["not_json"][0] == "PermanentJobError"
    assert "not JSON" in found["not_json"][1]
    assert found["unpicklable"] == ("Unpicklable", "cannot be pickled", 1)
    assert found["failing"] == ("ValueError", "always\N{REPLACEMENT CHARACTER}this", 2)
    assert found["hopeless"] == ("PermanentJobError", "the file has no header", 1)
    assert "raise ValueError" in ended["failing"].error["traceback"]
    assert farm.ended(flaky).result == 3
    assert [farm.ended(job).result for job in healthy] == list(range(1, 21))


def test_jobs_of_a_task_that_no_worker_handles_stay_queued_and_are_told(farm):
    worker = farm.worker("create_app_without_handlers")
    job = tasks.add.enqueue(1, 2)
    wait_for(lambda: "stays queued" in worker.log.read_text())
    assert (farm.jobs.get(job.id).state, farm.jobs.get(job.id).attempt) == ("queued", 0)
    assert farm.jobs.unhandled() == {"add": 1}

    farm.worker()

    assert farm.ended(job).result == 3
    assert farm.jobs.unhandled() == {}

"""What an app does with jobs."""

import threading
import time

import pytest

from flask_scale.errors import JobNotFound, JobStateError
from flask_scale.testing.jobs import run_jobs


@pytest.fixture
def add(farm):
    return farm.scale.task("add")(lambda job, left, right: left + right)


def test_a_job_that_is_not_there_or_not_theirs_is_not_found(farm, add):
    job = add.enqueue(1, 2, owner="ann")
    assert farm.jobs.get(job.id, "ann") == job
    assert farm.jobs.find(job.id, "bob") is None
    for job_id, owner in ((job.id, "bob"), ("nothing", None)):
        with pytest.raises(JobNotFound):
            farm.jobs.get(job_id, owner)
        with pytest.raises(JobNotFound):
            farm.jobs.cancel(job_id, owner)


def test_cancelling_a_running_job_twice_changes_nothing_more(farm):
    @farm.scale.task()
    def work(job):
        first = farm.jobs.cancel(job.id)
        assert farm.jobs.cancel(job.id) == first

    job = work.delay()
    run_jobs(farm.app)
    assert farm.jobs.get(job.id).state == "succeeded"


def test_a_finished_job_is_not_cancelled_and_a_good_one_not_queued_again(farm, add):
    job = add.delay(1, 2)
    run_jobs(farm.app)
    with pytest.raises(JobStateError, match="succeeded"):
        farm.jobs.cancel(job.id)
    with pytest.raises(JobStateError, match="succeeded"):
        farm.jobs.requeue(job.id)
    with pytest.raises(JobNotFound):
        farm.jobs.requeue("nothing")


def test_a_job_is_not_queued_again_beside_an_unfinished_one_of_its_key_and_that_is_said(farm, add):
    job = add.enqueue(1, 2, unique_key="k")
    farm.jobs.cancel(job.id)
    add.enqueue(1, 2, unique_key="k")
    with pytest.raises(JobStateError, match="an unfinished job has its unique key"):
        farm.jobs.requeue(job.id)


def test_a_job_that_was_queued_again_runs(farm, add):
    job = add.delay(1, 2)
    farm.jobs.cancel(job.id)
    run_jobs(farm.app)
    farm.jobs.requeue(job.id)
    run_jobs(farm.app)
    assert farm.jobs.get(job.id).result == 3
    assert [event.event for event in farm.jobs.events(job.id)] == [
        "enqueued",
        "cancelled",
        "requeued",
        "claimed",
        "succeeded",
    ]


def test_waiting_gives_a_finished_job_at_once(farm, add):
    job = add.delay(1, 2)
    run_jobs(farm.app)
    began = time.monotonic()
    assert farm.jobs.wait(job.id, 30).result == 3
    assert time.monotonic() - began < 5


def test_waiting_ends_with_its_time_when_nothing_changes(farm, add):
    job = add.delay(1, 2)
    assert farm.jobs.wait(job.id, 0.3) == job
    assert farm.jobs.wait(job.id, 0) == job


def test_waiting_ends_with_the_first_change(farm, add):
    job = add.delay(1, 2)
    timer = threading.Timer(0.3, farm.jobs.cancel, [job.id])
    timer.start()
    assert farm.jobs.wait(job.id, 30).state == "cancelled"
    timer.join()


def test_waiting_for_another_version_than_one_long_gone_gives_the_job_at_once(farm, add):
    job = add.delay(1, 2)
    began = time.monotonic()
    assert farm.jobs.wait(job.id, 30, since=job.version - 1) == job
    assert time.monotonic() - began < 5


def test_waiting_is_for_the_owner_only(farm, add):
    job = add.enqueue(1, 2, owner="ann")
    with pytest.raises(JobNotFound):
        farm.jobs.wait(job.id, 1, owner="bob")


def test_a_job_as_a_dict_is_json_for_clients(farm, add):
    import json

    job = add.enqueue(1, 2, owner="ann")
    shown = json.loads(json.dumps(job.as_dict()))
    assert shown["id"] == job.id
    assert shown["created_at"] == job.created_at.isoformat()
    assert (shown["state"], shown["progress"], shown["error"]) == ("queued", None, None)

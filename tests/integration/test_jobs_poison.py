"""Jobs that harm whoever runs them: each ends dead with an error that a person understands, and blocks no other."""

import itertools

import pytest
from click.testing import CliRunner

from flask_scale.cli import group
from tests.support.apps import jobs as tasks
from tests.support.apps import poison
from tests.support.jobs import Farm, wait_for

WORKER = "tests.support.apps.poison:create_app()"

#: How much memory a job may take: a tenth of what `greedy` wants.
MEMORY = str(poison.GREED * 1024 * 1024 // 10)

LOST = "the job crashed its process"

#: By task: the error's type, what its message says, and the attempts that it took.
ENDS = {
    poison.killed: ("WorkerLost", LOST, 2),
    poison.segfault: ("WorkerLost", LOST, 2),
    poison.leaves: ("WorkerLost", LOST, 2),
    poison.terminated: ("SystemExit", "its process got SIGTERM, though its Celery worker did not", 2),
    poison.exits: ("SystemExit", "the handler ended its process: sys.exit('nothing to do')", 2),
    poison.stubborn: ("WorkerLost", "was killed for its time", 1),
    poison.selfish: ("WorkerLost", "was killed for its time", 1),
    poison.greedy: ("MemoryError", "the job took more memory than it may have", 2),
    poison.enormous: ("PermanentJobError", "the result is 5000002 bytes of JSON, over 1000000", 1),
    poison.cuts_connection: ("OperationalError", "connection", 2),
    poison.closes_connection: ("InterfaceError", "connection already closed", 2),
    tasks.not_json: ("PermanentJobError", "the result is not JSON", 1),
    tasks.unpicklable: ("Unpicklable", "cannot be pickled", 1),
}


#: Each is ended only by a limit on its time, and some of these are seconds long.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def farm(migrated_database_url, broker_url, tmp_path):
    with Farm(migrated_database_url, broker_url, tmp_path, job_max_memory_bytes=MEMORY) as farm:
        yield farm


def shown(farm, job):
    """What an operator sees of a job."""
    return CliRunner().invoke(group, ["jobs", "show", job.id], env=farm.environment).stdout


def finished(farm, jobs):
    """Each job, once none of them will run again by itself."""
    wait_for(lambda: all(farm.jobs.get(job.id).finished for job in jobs), seconds=300)
    return [farm.jobs.get(job.id) for job in jobs]


def test_each_ends_dead_with_a_readable_error_and_other_jobs_go_on(farm):
    farm.worker(WORKER, worker_concurrency="4")
    poisoned = [task.enqueue() for task in ENDS]
    healthy = [tasks.add.enqueue(number, 1) for number in range(40)]

    assert [job.result for job in finished(farm, healthy)] == list(range(1, 41))
    for job, (kind, words, attempts) in zip(finished(farm, poisoned), ENDS.values(), strict=True):
        assert (job.state, job.error["type"], job.attempt) == ("dead", kind, attempts), job
        assert words in job.error["message"]
        assert f"{kind}: {job.error['message']}" in shown(farm, job)
    assert farm.ended(tasks.add.enqueue(1, 2)).result == 3


def test_a_process_that_a_job_ended_leaves_its_place_to_another(farm):
    farm.worker(WORKER, worker_concurrency="1")
    poisoned = [task.enqueue() for task in (poison.killed, poison.leaves, poison.terminated, poison.exits)]

    assert farm.ended(tasks.add.enqueue(1, 2)).result == 3

    assert {job.state for job in finished(farm, poisoned)} == {"dead"}
    assert farm.ended(tasks.add.enqueue(1, 2)).result == 3


def test_of_many_jobs_one_in_a_hundred_is_poison_and_all_others_succeed(farm):
    farm.worker(WORKER, worker_concurrency="2")
    bad = itertools.cycle([poison.killed, poison.greedy, tasks.endless])
    jobs = [next(bad).enqueue() if number % 100 == 50 else tasks.add.enqueue(number, 0) for number in range(300)]

    states = [job.state for job in finished(farm, jobs)]

    assert states == ["dead" if number % 100 == 50 else "succeeded" for number in range(300)]

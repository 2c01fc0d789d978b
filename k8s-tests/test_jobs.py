"""Jobs across pods: any API pod takes and shows one, any worker goes on with it."""

from collections.abc import Iterator

import pytest
from kubernetes.client import V1Pod

from support.access_log import AccessLog
from support.directory import Directory
from support.release import Release
from support.slow import taking_time
from support.waiting import eventually

ROWS = 100_000

#: Seconds that jobs have in a worker that is told to end, and then its pod.
GRACEFUL, GRACE = 1, 10


@pytest.fixture(autouse=True)
def slow(release: Release) -> Iterator[None]:
    """Each step of an import takes so long that it is under way when its worker ends."""
    with taking_time(release, 2):
        yield


def test_an_import_whose_worker_is_killed_goes_on_in_the_other_pod(release: Release, directory: Directory):
    release.until_ready("worker", 2)
    log = AccessLog(release)

    job, victim = import_under_way(release, directory)
    release.delete_pod(victim, at_once=True)

    result = directory.until_succeeded(job)
    print(f"\n{history(release, job)}: {result}")
    assert (result["read"], result["inserted"], result["refused"]) == (ROWS, ROWS, 0)
    assert directory.job(job)["attempt"] == 2
    assert victim.metadata.name not in history(release, job)[-1][1]
    apis = {pod.status.pod_ip for pod in release.ready_pods("api")}
    assert apis <= log.answers().keys(), "only one API pod was asked"
    release.until_ready("worker", 2)


@pytest.fixture
def short_grace(release: Release) -> Iterator[Release]:
    """Workers that no import ends in, once they are told to end."""
    settings = {"settings": {"GRACEFUL_TIMEOUT_SECONDS": GRACEFUL}, "terminationGracePeriodSeconds": GRACE}
    release.upgrade({**release.values, "worker": {**release.values["worker"], **settings}})
    release.until_ready("worker", 2)
    yield release
    release.upgrade()
    release.until_ready("worker", 2)


def test_a_job_that_outlasts_the_grace_period_is_given_back_and_goes_on_in_another_pod(
    short_grace: Release, directory: Directory
):
    job, pod = import_under_way(short_grace, directory)
    short_grace.delete_pod(pod)

    result = directory.until_succeeded(job)
    print(f"\n{history(short_grace, job)}: {result}")
    # From its checkpoint: were a row read twice, the second time it would be there already.
    assert (result["read"], result["inserted"], result["refused"]) == (ROWS, ROWS, 0)
    events = [event for event, _ in history(short_grace, job)]
    assert (events.count("released"), events.count("lease_expired"), events.count("succeeded")) == (1, 0, 1)
    assert pod.metadata.name not in history(short_grace, job)[-1][1]
    assert directory.job(job)["attempt"] == 1, "what is given back is not counted"


def test_a_job_whose_pod_is_killed_at_the_end_of_its_grace_period_goes_on_in_another_by_its_lease(
    release: Release, directory: Directory
):
    """Killed while it would have let the job finish, for which it has 100 seconds by itself."""
    release.until_ready("worker", 2)
    job, pod = import_under_way(release, directory)
    release.namespace.kubectl("delete", "pod", pod.metadata.name, f"--grace-period={GRACEFUL}", "--wait=false")

    result = directory.until_succeeded(job)
    print(f"\n{history(release, job)}: {result}")
    assert (result["read"], result["inserted"], result["refused"]) == (ROWS, ROWS, 0)
    events = [event for event, _ in history(release, job)]
    assert (events.count("released"), events.count("lease_expired"), events.count("succeeded")) == (0, 1, 1)
    assert pod.metadata.name not in history(release, job)[-1][1]
    assert directory.job(job)["attempt"] == 2
    release.until_ready("worker", 2)


def import_under_way(release: Release, directory: Directory) -> tuple[str, V1Pod]:
    """The id of an import that has a checkpoint, and the worker pod that has it."""
    job = directory.start_import(ROWS)["id"]
    worker = eventually(lambda: holder(release, job), "a worker has begun with the import")
    eventually(lambda: directory.job(job)["progress"]["done"] > 0, "the import has got somewhere")
    return job, next(pod for pod in release.pods("worker") if pod.metadata.name in worker)


def history(release: Release, job: str) -> list[tuple[str, str]]:
    """What happened to a job, and which worker each event is of."""
    lines = release.sql(f"SELECT event, worker FROM job_events WHERE job_id = '{job}' ORDER BY id").splitlines()
    return [(event, worker) for event, _, worker in (line.partition("|") for line in lines)]


def holder(release: Release, job: str) -> str:
    """The worker that holds a job now, which names its pod."""
    return release.sql(f"SELECT worker FROM jobs WHERE id = '{job}' AND worker IS NOT NULL")

"""`kubectl scale` under traffic, and the upgrade after it."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime

import pytest
import requests

from support.access_log import AccessLog
from support.directory import Directory
from support.release import Release, became
from support.slow import taking_time
from support.traffic import Traffic, traffic
from support.waiting import eventually


@pytest.fixture
def reads(directory: Directory) -> Iterator[Traffic]:
    """Steady reads of one user, each answer compared."""
    user = directory.add_user()

    def is_right(response: requests.Response) -> bool:
        return response.status_code == 200 and response.json() == user

    headers = {"Authorization": f"Bearer {directory.key}"}
    with traffic(f"{directory.url}/v1/users/{user['id']}", is_right, headers=headers) as seen:
        yield seen


@pytest.fixture(autouse=True)
def as_it_was(release: Release) -> Iterator[None]:
    """Two pods of each before and after a test."""
    yield
    for component in ("api", "worker"):
        release.scale("deployment", component, 2)
        release.until_ready(component, 2)


def test_kept_connections_reach_new_pods_in_even_shares_and_none_fails_on_the_way_down(
    release: Release, reads: Traffic
):
    log = AccessLog(release)
    old = {pod.status.pod_ip for pod in release.ready_pods("api")}

    release.scale("deployment", "api", 4)
    pods = release.until_ready("api", 4)
    new = {pod.status.pod_ip: became(pod, "Ready") for pod in pods if pod.status.pod_ip not in old}
    # Each nginx pod hears of them at its own moment; shares count from the last.
    eventually(lambda: know_all(log, new), "every nginx pod reaches the new pods on the old connections", seconds=30)
    even_from = datetime.now(UTC)
    eventually(lambda: log.answers(even_from).total() >= 1000, "1,000 answers of four pods")
    shares = log.answers(even_from)
    release.scale("deployment", "api", 2)
    release.until_ready("api", 2)
    reads.stop()

    for (nginx, address), reached in log.first_answers().items():
        if address in new:
            print(f"\n{nginx} reached {address} {(reached - new[address]).total_seconds():.0f} s after it was ready")
    print(f"shares of {shares.total()} answers: {sorted(shares.values())}; {reads.answered} in all")
    reads.assert_none_failed()
    assert reads.connections == reads.clients, "clients had to connect anew"
    assert shares.keys() == {pod.status.pod_ip for pod in pods}
    assert max(shares.values()) <= 1.2 * shares.total() / 4
    assert min(shares.values()) >= 0.8 * shares.total() / 4


def know_all(log: AccessLog, new: Collection[str]) -> bool:
    """Whether each nginx pod that has clients had an answer of each of these pods."""
    pairs = log.first_answers().keys()
    return bool(pairs) and all((nginx, address) in pairs for nginx, _ in pairs for address in new)


def test_workers_that_come_and_go_finish_every_job(release: Release, directory: Directory):
    release.scale("deployment", "worker", 4)
    jobs = [directory.start_import(2000) for number in range(6)]
    release.until_ready("worker", 4)
    jobs += [directory.start_import(2000) for number in range(6)]
    release.scale("deployment", "worker", 1)

    for job in jobs:
        assert directory.until_succeeded(job["id"])["inserted"] == 2000
    release.until_ready("worker", 1)


@pytest.fixture
def slow(release: Release) -> Iterator[None]:
    """Each step of an import takes so long that it is still under way when its worker is told to end."""
    with taking_time(release, 3):
        yield


def test_a_worker_that_leaves_finishes_the_job_that_it_runs(release: Release, directory: Directory, slow: None):
    """Its pod is made the one that Kubernetes takes first."""
    job = directory.start_import(50_000)["id"]
    pod = eventually(lambda: runs_in(release, job), "a worker runs it", seconds=60)
    release.namespace.kubectl("annotate", "pod", pod, "controller.kubernetes.io/pod-deletion-cost=-1")
    release.scale("deployment", "worker", 1)
    eventually(lambda: pod in leaving(release), f"{pod} leaves", seconds=30)
    assert runs_in(release, job) == pod

    assert directory.until_succeeded(job)["inserted"] == 50_000
    assert directory.job(job)["attempt"] == 1


def runs_in(release: Release, job: str) -> str:
    """The pod that runs a job now; empty for none."""
    return release.sql(f"SELECT split_part(worker, '@', 2) FROM jobs WHERE id = '{job}' AND state = 'running'")


def leaving(release: Release) -> set[str]:
    """The workers that were told to end."""
    return {pod.metadata.name for pod in release.pods("worker") if pod.metadata.deletion_timestamp}


def test_an_upgrade_leaves_the_number_alone_until_its_value_changes(release: Release):
    release.scale("deployment", "api", 3)
    release.until_ready("api", 3)

    release.upgrade()
    assert len(release.until_ready("api", 3)) == 3

    release.upgrade({**release.values, "api": {"replicaCount": 1}})
    assert len(release.until_ready("api", 1)) == 1
    release.upgrade()
    assert len(release.until_ready("api", 2)) == 2

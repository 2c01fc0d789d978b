"""Jobs across pods: any API pod takes and shows one, any worker goes on with it."""

from support.access_log import AccessLog
from support.directory import Directory
from support.release import Release
from support.waiting import eventually

ROWS = 100_000


def test_an_import_whose_worker_is_killed_goes_on_in_the_other_pod(release: Release, directory: Directory):
    release.until_ready("worker", 2)
    log = AccessLog(release)

    job = directory.start_import(ROWS)["id"]
    first = eventually(lambda: holder(release, job), "a worker has begun with the import")
    eventually(lambda: directory.job(job)["progress"]["done"] > 0, "the import has got somewhere")
    victim = next(pod for pod in release.pods("worker") if pod.metadata.name in first)
    release.delete_pod(victim, at_once=True)

    second = eventually(lambda: holder(release, job, unlike=first), "another worker has it")
    result = directory.until_succeeded(job)
    print(f"\n{first}, then {second}: {result}")
    assert (result["read"], result["inserted"], result["refused"]) == (ROWS, ROWS, 0)
    assert victim.metadata.name not in second
    apis = {pod.status.pod_ip for pod in release.ready_pods("api")}
    assert apis <= log.answers().keys(), "only one API pod was asked"
    release.until_ready("worker", 2)


def holder(release: Release, job: str, unlike: str = "") -> str:
    """The worker that holds a job now, which names its pod."""
    name = release.sql(f"SELECT worker FROM jobs WHERE id = '{job}' AND worker IS NOT NULL")
    return "" if name == unlike else name

"""A worker that is killed while it imports, again and again, costs time and nothing else."""

import re
from collections.abc import Callable
from pathlib import Path

import psutil

from flask_scale.dev.app import Worker
from flask_scale.dev.process import free_port
from tests.support.directory import Directory, running_directory
from tests.support.imports import accept_import, people
from tests.support.jobs import TIMES
from tests.support.waiting import eventually

USERS = 120_000
KILLS = 5


def test_five_sigkills_in_the_middle_leave_every_user_once_and_an_exact_report(
    directory_database_url: str, cache_url: str, broker_url: str, tmp_path: Path
):
    with running_directory(directory_database_url, cache_url, broker_url) as directory:
        settings = {
            "FLASK_SCALE_DATABASE_URL": directory_database_url,
            "FLASK_SCALE_CACHE_URL": cache_url,
            "FLASK_SCALE_BROKER_URL": broker_url,
            **TIMES,
        }
        job_id = accept_import(directory, people(USERS))
        peak = 0.0
        for kill in range(KILLS + 1):
            worker = new_worker(settings, tmp_path / f"worker-{kill}.log")
            try:
                worker.start()
                if kill < KILLS:
                    eventually(further(directory, job_id), seconds=200)
                else:
                    eventually(lambda: state(directory, job_id) == "succeeded", seconds=200)
                peak = max(peak, peak_mib(worker))
            finally:
                worker.kill()

        job = directory.get(f"/v1/jobs/{job_id}").get_json()
        assert (job["state"], job["attempt"]) == ("succeeded", KILLS + 1)
        refused, twice = len(range(0, USERS, 7)), len(range(0, USERS, 11))
        assert job["result"] == {
            "read": USERS + refused + twice,
            "inserted": USERS,
            "updated": 0,
            "skipped": twice,
            "refused": refused,
        }
        (found,) = directory.execute("SELECT count(*) AS count, count(DISTINCT email) AS emails FROM users")
        assert (found.count, found.emails) == (USERS, USERS)
        lines = directory.execute("SELECT line FROM import_refusals ORDER BY line")
        assert [row.line for row in lines] == bad_lines()
        assert peak < 150


def new_worker(settings: dict[str, str], log: Path) -> Worker:
    return Worker("worker", log, "services.worker.app:create_app()", settings, internal_port=free_port())


def state(directory: Directory, job_id: str) -> str:
    found: str = directory.get(f"/v1/jobs/{job_id}").get_json()["state"]
    return found


def further(directory: Directory, job_id: str) -> Callable[[], bool]:
    """True once the import went further than it is now, and has not ended."""

    def done() -> int:
        job = directory.get(f"/v1/jobs/{job_id}").get_json()
        assert job["state"] in ("queued", "running"), job
        return (job["progress"] or {"done": 0})["done"]

    before = done()
    return lambda: done() > before


def bad_lines() -> list[int]:
    """Where `people` has its bad rows: a user takes one line, and two more if a duplicate follows."""
    lines = []
    line = 1
    for number in range(USERS):
        line += 1
        if number % 7 == 0:
            line += 1
            lines.append(line)
        if number % 11 == 0:
            line += 2
    return lines


def peak_mib(worker: Worker) -> float:
    """The most memory that one process of the worker has had."""
    family = psutil.Process(worker.pid)
    texts = [Path(f"/proc/{process.pid}/status").read_text() for process in (family, *family.children(recursive=True))]
    return max(int(found[1]) for text in texts if (found := re.search(r"VmHWM:\s+(\d+) kB", text))) / 1024

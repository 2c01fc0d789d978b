"""An import adds every good row once, tells every other, and goes on where a killed worker stopped."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from flask_scale.dev.valkey import Valkey
from flask_scale.errors import LeaseLost
from flask_scale.jobs.running import RunningJob
from services.domain import imports as domain_imports
from services.worker import imports as worker_imports
from tests.support.directory import Directory
from tests.support.imports import DIRTY, HEADER, accept_import, fresh_key, people, report, users
from tests.support.work import Killed, Workplace
from tests.support.work import workplace as running_workplace

ADA = b"ada@example.com,Ada Lovelace,GB,2024-01-01\n"


@pytest.fixture
def workplace(directory: Directory, directory_database_url: str, cache_url: str) -> Iterator[Workplace]:
    with running_workplace(directory_database_url, cache_url) as found:
        yield found


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_imports, "STEP_ROWS", 10)


def run(directory: Directory, workplace: Workplace, data: bytes, on_conflict: str = "skip") -> dict[str, int]:
    job = workplace.run(accept_import(directory, data, on_conflict=on_conflict))
    assert job.state == "succeeded", job.error
    return job.result


def counts(read: int, inserted: int = 0, updated: int = 0, skipped: int = 0, refused: int = 0) -> dict[str, int]:
    return {"read": read, "inserted": inserted, "updated": updated, "skipped": skipped, "refused": refused}


def test_good_rows_become_users_and_the_job_counts_them(directory: Directory, workplace: Workplace):
    result = run(directory, workplace, HEADER + ADA + b"grace@example.com,Grace,US,\nnobody,No,US,\n")

    assert result == counts(3, inserted=2, refused=1)
    assert users(directory)[0] == ("ada@example.com", "Ada Lovelace", "GB", "2024-01-01T00:00:00+00:00")
    assert directory.get("/v1/users?email=GRACE@example.com").get_json()["items"][0]["name"] == "Grace"


def test_the_dirty_file_comes_out_as_its_readme_says(directory: Directory, workplace: Workplace):
    job_id = accept_import(directory, DIRTY.read_bytes())
    job = workplace.run(job_id)

    assert job.result == counts(31, inserted=13, skipped=3, refused=15)
    names = {row[0]: row[1] for row in users(directory)}
    assert names["formula@example.com"].startswith("=HYPERLINK")
    assert names["kontakt@bücher.example.com"] == "Jürgen Bücher"
    assert names["katherine.johnson@example.com"] == "Katherine Johnson"
    assert [row["line"] for row in report(directory, job_id)] == [
        *range(14, 21), *range(25, 32), 33,
    ]  # fmt: skip


def test_skip_leaves_who_is_there_and_takes_an_emails_first_row(directory: Directory, workplace: Workplace):
    directory.add_user("ada@example.com", name="Old")
    data = HEADER + ADA + b"new@example.com,First,GB,\nNEW@example.com,Second,GB,\n"

    assert run(directory, workplace, data) == counts(3, inserted=1, skipped=2)
    assert [row[1] for row in users(directory)] == ["Old", "First"]


def test_update_changes_who_is_there_and_takes_an_emails_last_row_and_last_date(
    directory: Directory, workplace: Workplace
):
    created = directory.add_user("ada@example.com", name="Old")
    data = HEADER + b"new@example.com,First,GB,2020-01-01\nNEW@example.com,Second,FR,\nada@example.com,New,GB,\n"

    assert run(directory, workplace, data, "update") == counts(3, inserted=1, updated=2)
    found = directory.get("/v1/users?email=ada@example.com").get_json()["items"][0]
    assert (found["name"], found["version"], found["created_at"]) == ("New", 2, created["created_at"])
    assert users(directory)[1] == ("new@example.com", "Second", "FR", "2020-01-01T00:00:00+00:00")


def test_update_takes_the_date_that_a_row_has(directory: Directory, workplace: Workplace):
    directory.add_user("ada@example.com")
    assert run(directory, workplace, HEADER + ADA, "update") == counts(1, updated=1)
    assert users(directory)[0][3] == "2024-01-01T00:00:00+00:00"


def test_fail_adds_everyone_where_nobody_is_there(directory: Directory, workplace: Workplace):
    result = run(directory, workplace, HEADER + ADA + b"nobody,No,US,\n", "fail")

    assert result == counts(2, inserted=1, refused=1)
    assert [row[0] for row in users(directory)] == ["ada@example.com"]
    assert directory.execute("SELECT FROM import_held_rows") == []


def numbered(*numbers: int) -> bytes:
    return b"".join(f"user{number}@example.com,U,DE,\n".encode() for number in numbers)


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("known", [3, 25])
def test_fail_adds_nobody_where_one_is_there(directory: Directory, workplace: Workplace, known: int):
    directory.add_user(f"user{known}@example.com")
    job_id = accept_import(directory, HEADER + b"broken\n" + numbered(*range(40)), on_conflict="fail")

    job = workplace.run(job_id)

    assert (job.state, job.attempt) == ("dead", 1)
    assert f"line {known + 3}: user{known}@example.com" in job.error["message"]
    assert [row["line"] for row in report(directory, job_id)] == [known + 3]
    assert job.progress is None or job.progress["done"] < job.progress["total"], "it read on"
    assert len(users(directory)) == 1
    assert directory.execute("SELECT FROM import_held_rows") == []


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("again", [4, 27])
def test_fail_adds_nobody_where_one_is_twice_in_the_file(directory: Directory, workplace: Workplace, again: int):
    rows = numbered(*range(again), 3, *range(again, 40)).replace(b"user3@", b"USER3@", 1)
    job = workplace.run(accept_import(directory, HEADER + rows, on_conflict="fail"))

    assert (job.state, users(directory)) == ("dead", [])
    assert f"line {again + 2}: user3@example.com" in job.error["message"]


def test_fail_finds_a_user_who_came_while_the_file_was_read(
    directory: Directory, workplace: Workplace, monkeypatch: pytest.MonkeyPatch
):
    release = domain_imports.release_held

    def add_then_release(session, job_id):
        directory.add_user("grace@example.com")
        release(session, job_id)

    monkeypatch.setattr(domain_imports, "release_held", add_then_release)
    data = HEADER + ADA + b"grace@example.com,Grace,US,\n"
    job = workplace.run(accept_import(directory, data, on_conflict="fail"))

    assert job.state == "dead"
    assert "line 3: grace@example.com" in job.error["message"]
    assert [row[0] for row in users(directory)] == ["grace@example.com"]


@pytest.mark.usefixtures("small_steps")
def test_a_dead_import_that_is_queued_again_begins_again(directory: Directory, workplace: Workplace):
    added = directory.add_user("user25@example.com")
    job_id = accept_import(directory, HEADER + b"broken\n" + numbered(*range(40)), on_conflict="fail")
    assert workplace.run(job_id).state == "dead"
    directory.delete(f"/v1/users/{added['id']}")

    workplace.jobs.requeue(job_id)
    job = workplace.run(job_id)

    assert (job.state, job.result) == ("succeeded", counts(41, inserted=40, refused=1))
    assert len(users(directory)) == 40
    assert [row["line"] for row in report(directory, job_id)] == [2]


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("on_conflict", ["skip", "update", "fail"])
@pytest.mark.parametrize("when", ["before_write", "before_commit"])
def test_an_import_killed_in_every_step_ends_like_an_undisturbed_one(
    directory: Directory, workplace: Workplace, monkeypatch: pytest.MonkeyPatch, on_conflict: str, when: str
):
    data = people(100, duplicates=on_conflict != "fail")
    undisturbed = accept_import(directory, data, on_conflict=on_conflict)
    expected = workplace.run(undisturbed).result, users(directory), report(directory, undisturbed)
    directory.execute("TRUNCATE users")
    job_id = accept_import(directory, data, on_conflict=on_conflict)
    directory.execute("UPDATE jobs SET max_attempts = 100 WHERE id = :id", id=job_id)

    kills = 0
    with killing_each_second_step(monkeypatch, when):
        while workplace.run_until_killed(job_id):
            kills += 1

    assert kills >= 10
    assert (workplace.jobs.get(job_id).result, users(directory), report(directory, job_id)) == expected


@contextmanager
def killing_each_second_step(monkeypatch: pytest.MonkeyPatch, when: str) -> Iterator[None]:
    """Let an attempt commit one step and die in the next."""
    write = domain_imports.write
    steps = itertools.count(1)

    def write_or_die(*args: Any) -> Any:
        is_second = next(steps) % 2 == 0
        if is_second and when == "before_write":
            raise Killed
        result = write(*args)
        if is_second:
            raise Killed
        return result

    with monkeypatch.context() as patch:
        patch.setattr(domain_imports, "write", write_or_die)
        yield


def test_a_stale_attempt_writes_nothing(directory: Directory, workplace: Workplace, monkeypatch: pytest.MonkeyPatch):
    job_id = accept_import(directory, HEADER + ADA)
    jobs: list[RunningJob] = []

    def lose_lease(job: RunningJob) -> None:
        jobs.append(job)
        workplace.lose_lease(job_id)

    with pytest.raises(LeaseLost):
        workplace.run_until_killed(job_id, lose_lease)

    assert users(directory) == []
    assert workplace.run(job_id).state == "succeeded"
    assert len(users(directory)) == 1


def test_a_finished_import_keeps_no_file(directory: Directory, workplace: Workplace):
    run(directory, workplace, HEADER + ADA)
    assert directory.execute("SELECT FROM files") == directory.execute("SELECT FROM file_chunks") == []


@pytest.mark.parametrize("sweeper", ["import", "export"])
def test_what_an_import_wrote_beside_users_goes_with_its_job(directory: Directory, workplace: Workplace, sweeper: str):
    purged = [accept_import(directory, HEADER + b"broken\n" * 2) for _ in range(2)]
    kept = accept_import(directory, HEADER + b"broken\n" * 2)
    for job_id in (*purged, kept):
        workplace.run(job_id)
        hold_a_row(directory, job_id)
    directory.execute(
        "UPDATE jobs SET finished_at = now() - interval '1 hour' WHERE id = ANY(CAST(:ids AS uuid[]))", ids=purged
    )
    assert workplace.jobs.store.purge(10, age_seconds=60) == 2

    if sweeper == "import":
        next_job = accept_import(directory, HEADER + ADA)
    else:
        next_job = directory.post("/v1/exports", json={}, headers=fresh_key()).get_json()["id"]
    assert workplace.run(next_job).state == "succeeded"

    for table in ("import_refusals", "import_held_rows"):
        left = directory.execute(f"SELECT DISTINCT job_id FROM {table}")
        assert [str(row.job_id) for row in left] == [kept]
    assert [row["line"] for row in report(directory, kept)] == [2, 3]


def hold_a_row(directory: Directory, job_id: str) -> None:
    """What a `fail` leaves that was killed in the middle and not queued again."""
    directory.execute(
        "INSERT INTO import_held_rows (job_id, email, name, country, line) VALUES (:id, 'a@example.com', 'A', 'GB', 3)",
        id=job_id,
    )


def test_progress_goes_to_the_files_size(directory: Directory, workplace: Workplace):
    data = people(50)
    job = workplace.run(accept_import(directory, data))
    assert job.progress == {"done": len(data), "total": len(data)}


def test_an_import_drops_the_statistics(directory: Directory, workplace: Workplace):
    path = "/v1/statistics/sign-ups?from=2024-01-01&to=2024-01-01"
    assert directory.get(path).get_json()["total"] == 0
    run(directory, workplace, HEADER + ADA)
    assert directory.get(path).get_json()["total"] == 1


def test_an_import_whose_file_is_gone_is_dead_at_once(directory: Directory, workplace: Workplace):
    job_id = accept_import(directory, HEADER + ADA)
    directory.execute("DELETE FROM files")
    job = workplace.run(job_id)
    assert (job.state, job.attempt, job.error["message"]) == ("dead", 1, "the file was removed")


def test_an_import_does_not_need_the_cache_server(directory: Directory, workplace: Workplace, cache_server: Valkey):
    job_id = accept_import(directory, HEADER + ADA)
    cache_server.stop()
    assert workplace.run(job_id).state == "succeeded"

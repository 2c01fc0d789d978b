"""`flask-scale jobs` and `flask-scale migrate`, as an operator runs them."""

import json
import os
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from flask_scale.cli import group
from flask_scale.database import Database
from flask_scale.jobs import Jobs
from flask_scale.jobs.contract import Page
from flask_scale.jobs.postgres import PostgresJobStore
from flask_scale.settings import Settings
from flask_scale.testing.jobs import ERROR, NO_WAIT, accepted, claimed


def run(database_url, *arguments):
    """The command in this process."""
    return CliRunner().invoke(group, arguments, env={"FLASK_SCALE_DATABASE_URL": database_url})


def run_apart(database_url, *arguments):
    """The command as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "flask_scale", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "FLASK_SCALE_DATABASE_URL": database_url},
    )


@pytest.fixture
def store(migrated_database_url):
    database = Database(Settings(database_url=migrated_database_url))
    yield PostgresJobStore(database)
    database.close()


@pytest.fixture
def dead(store):
    job = accepted(store, owner="ann")
    store.fail(claimed(store, job.id).lease, ERROR, permanent=True, backoff=NO_WAIT)
    return job


def test_jobs_are_listed_as_a_table_and_as_json(store, dead, migrated_database_url):
    accepted(store)
    table = run(migrated_database_url, "jobs", "list")
    assert table.exit_code == 0, table.stderr
    assert dead.id in table.stdout
    assert "ValueError: no" in table.stdout

    listed = run(migrated_database_url, "jobs", "list", "--json", "--state", "dead", "--owner", "ann", "--task", "add")
    assert [job["id"] for job in json.loads(listed.stdout)] == [dead.id]


def test_a_job_is_shown_with_its_error_and_history(dead, migrated_database_url):
    shown = run(migrated_database_url, "jobs", "show", dead.id)
    assert shown.exit_code == 0, shown.stderr
    assert all(word in shown.stdout for word in ("enqueued", "claimed", "dead", "somewhere"))

    document = json.loads(run(migrated_database_url, "jobs", "show", dead.id, "--json").stdout)
    assert document["error"] == ERROR
    assert [event["event"] for event in document["events"]] == ["enqueued", "claimed", "dead"]


def test_dead_jobs_are_retried_and_queued_ones_cancelled(store, dead, migrated_database_url):
    retried = run(migrated_database_url, "jobs", "retry", dead.id)
    assert (retried.exit_code, retried.stdout) == (0, f"{dead.id} queued\n")
    cancelled = run(migrated_database_url, "jobs", "cancel", dead.id)
    assert (cancelled.exit_code, cancelled.stdout) == (0, f"{dead.id} cancelled\n")
    assert store.get(dead.id).state == "cancelled"


def test_many_jobs_are_chosen_by_state_task_and_owner(store, dead, migrated_database_url):
    other = accepted(store, task="other")
    mine = [accepted(store) for _ in range(3)]

    assert run(migrated_database_url, "jobs", "cancel", "--task", "add").exit_code == 0
    assert {store.get(job.id).state for job in mine} == {"cancelled"}
    assert (store.get(other.id).state, store.get(dead.id).state) == ("queued", "dead")

    assert run(migrated_database_url, "jobs", "retry", "--owner", "ann").stdout == f"{dead.id} queued\n"
    assert run(migrated_database_url, "jobs", "retry", "--task", "add").stdout == ""
    again = run(migrated_database_url, "jobs", "retry", "--state", "cancelled", "--task", "add")
    assert set(again.stdout.split()) == {*(job.id for job in mine), "queued"}


def test_a_selection_is_longer_than_a_page(store, migrated_database_url, monkeypatch):
    monkeypatch.setattr("flask_scale.cli.jobs.BATCH", 2)
    for _ in range(5):
        accepted(store)
    cancelled = run(migrated_database_url, "jobs", "cancel", "--state", "queued")
    assert cancelled.stdout.count("cancelled") == 5
    assert cancelled.stderr == "5 jobs\n"


def test_a_selection_that_fits_none_says_so(dead, migrated_database_url):
    none = run(migrated_database_url, "jobs", "cancel", "--task", "nosuch")
    assert (none.exit_code, none.stdout, none.stderr) == (0, "", "0 jobs\n")


def test_a_job_that_started_meanwhile_is_not_stopped_with_the_queued_ones(store, migrated_database_url, monkeypatch):
    started, waiting = accepted(store), accepted(store)
    listed = Jobs.list

    def list_then_start(self, *arguments, **options):
        page = listed(self, *arguments, **options)
        if page:
            claimed(store, started.id)
        return page

    monkeypatch.setattr(Jobs, "list", list_then_start)
    cancelled = run(migrated_database_url, "jobs", "cancel", "--state", "queued")
    assert (cancelled.exit_code, cancelled.stdout) == (1, f"{waiting.id} cancelled\n")
    assert cancelled.stderr == f"flask-scale: job {started.id} cannot be cancelled: it is running\n1 job\n"
    job = store.get(started.id)
    assert (job.state, job.cancel_requested) == ("running", False)


@pytest.mark.parametrize("what", ["retry", "cancel"])
def test_jobs_are_named_or_chosen_and_not_both(dead, migrated_database_url, what):
    for arguments in ([], [dead.id, "--task", "add"]):
        refused = run(migrated_database_url, "jobs", what, *arguments)
        assert (refused.exit_code, "either job ids, or --state" in refused.stderr) == (2, True)


@pytest.fixture
def old(store):
    """Three cancelled jobs and a dead one that finished an hour ago, one that finished now and one queued."""
    for _ in range(3):
        store.cancel(accepted(store).id)
    store.fail(claimed(store, accepted(store).id).lease, ERROR, permanent=True, backoff=NO_WAIT)
    with store.transaction() as session:
        session.execute(text("UPDATE jobs SET finished_at = finished_at - interval '1 hour'"))
    return [accepted(store), store.cancel(accepted(store).id)]


def test_old_jobs_are_counted_then_purged_and_young_ones_stay(store, old, migrated_database_url):
    counted = run(migrated_database_url, "jobs", "purge", "--older-than", "59m", "--dry-run")
    assert (counted.exit_code, counted.stdout) == (0, "would delete 4 jobs\n")
    assert run(migrated_database_url, "jobs", "purge", "--older-than", "2h").stdout == "deleted 0 jobs\n"
    dead = run(migrated_database_url, "jobs", "purge", "--older-than", "59m", "--state", "dead")
    assert (dead.exit_code, dead.stdout) == (0, "deleted 1 job\n")
    rest = run(migrated_database_url, "jobs", "purge", "--older-than", "59m")
    assert (rest.stdout, rest.stderr) == ("deleted 3 jobs\n", "")
    assert {job.id for job in store.search(Page())} == {job.id for job in old}


def test_a_long_purge_goes_in_batches_and_shows_how_far_it_is(store, old, migrated_database_url, monkeypatch):
    monkeypatch.setattr("flask_scale.cli.jobs.BATCH", 2)
    purged = run(migrated_database_url, "jobs", "purge", "--older-than", "59m")
    assert (purged.stdout, purged.stderr.startswith("deleting")) == ("deleted 4 jobs\n", True)


def test_a_purge_does_not_count_first(old, migrated_database_url, monkeypatch):
    def count_too_long(*_arguments, **_options):
        raise OperationalError("SELECT count(*)", {}, Exception("canceling statement due to statement timeout"))

    monkeypatch.setattr(PostgresJobStore, "count_finished", count_too_long)
    assert run(migrated_database_url, "jobs", "purge", "--older-than", "59m").stdout == "deleted 4 jobs\n"
    assert run(migrated_database_url, "jobs", "purge", "--older-than", "59m", "--dry-run").exit_code == 1


def test_a_purge_ends_though_jobs_go_on_finishing(store, old, migrated_database_url, monkeypatch):
    purge = PostgresJobStore.purge
    batches = []

    def finish_one_then_purge(self, *arguments, **options):
        assert len(batches) < 10, "it goes on and on"
        store.cancel(accepted(store).id)
        batches.append(purge(self, *arguments, **options))
        return batches[-1]

    monkeypatch.setattr("flask_scale.cli.jobs.BATCH", 4)
    monkeypatch.setattr(PostgresJobStore, "purge", finish_one_then_purge)
    purged = run(migrated_database_url, "jobs", "purge", "--older-than", "0s")
    assert (purged.stdout, batches) == ("deleted 7 jobs\n", [4, 3])


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "--older-than"),
        (["--older-than", "7"], "'7' is no age: give a number and s, m, h, d or w, such as 7d"),
        (["--older-than", "-7d"], "is no age"),
        (["--older-than", "1.5d"], "is no age"),
        (["--older-than", ""], "is no age"),
        (["--older-than", "999999w"], "longer than any database is old"),
        (["--older-than", "7d", "--state", "queued"], "'queued' is not one of"),
    ],
)
def test_a_purge_that_is_asked_for_wrongly_says_how(old, migrated_database_url, store, arguments, why):
    refused = run(migrated_database_url, "jobs", "purge", *arguments)
    assert (refused.exit_code, why in refused.stderr) == (2, True), refused.stderr
    assert len(store.search(Page())) == 6


def test_what_is_not_there_or_refused_ends_with_1_and_says_why(dead, migrated_database_url):
    nobody = str(uuid.uuid4())
    shown = run(migrated_database_url, "jobs", "show", nobody)
    assert (shown.exit_code, "no job" in shown.stderr) == (1, True)
    cancelled = run(migrated_database_url, "jobs", "cancel", dead.id, nobody)
    assert cancelled.exit_code == 1
    assert "it is dead" in cancelled.stderr
    assert f"no job {nobody}" in cancelled.stderr


def test_wrong_usage_ends_with_2(migrated_database_url):
    assert run(migrated_database_url, "jobs", "list", "--state", "lost").exit_code == 2
    assert run_apart("", "jobs", "list").returncode == 2
    assert run(migrated_database_url, "jobs", "retry").exit_code == 2


def test_migrate_tells_what_is_pending_and_does_it_once(database_url):
    pending = run(database_url, "migrate", "--check")
    assert (pending.exit_code, pending.stdout.startswith("pending: flask_scale: 0001")) == (1, True)

    done = run(database_url, "migrate")
    assert done.exit_code == 0, done.stderr
    assert "flask_scale: applied 0001" in done.stdout

    assert run(database_url, "migrate", "--check").exit_code == 0
    assert run(database_url, "migrate").stdout == "flask_scale: up to date\n"


def test_a_check_waits_for_whoever_migrates(database_url):
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(run_apart, database_url, "migrate", "--check", "--wait", "30")
        assert run_apart(database_url, "migrate").returncode == 0
        done = waiting.result()
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "the schema is current")


def test_a_check_waits_no_longer_than_it_was_told(database_url):
    done = run_apart(database_url, "migrate", "--check", "--wait", "0.5")
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == "waiting: pending revisions: 2"
    assert done.stdout.splitlines()[-1].startswith("pending: flask_scale: 0002")


def test_migrations_may_import_the_app_that_lies_beside_them(database_url, tmp_path):
    (tmp_path / "beside.py").write_text("from sqlalchemy import MetaData\nmetadata = MetaData()\n")
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    (folder / "env.py").write_text(
        "from beside import metadata\nfrom flask_scale.migrate import run_env\nrun_env(metadata)\n"
    )
    (folder / "versions" / "a1.py").write_text(
        'revision = "a1"\ndown_revision = None\ndef upgrade():\n    pass\n',
    )
    done = subprocess.run(
        [Path(sys.executable).parent / "flask-scale", "migrate"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "FLASK_SCALE_DATABASE_URL": database_url, "FLASK_SCALE_MIGRATIONS": "migrations"},
    )
    assert (done.returncode, "app: applied a1" in done.stdout) == (0, True), done.stderr


def test_of_two_migrations_at_once_one_does_the_work_and_both_end_well(database_url):
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda _: run_apart(database_url, "migrate"), range(2)))
    assert [one.returncode for one in done] == [0, 0], done
    assert sum("applied 0001" in one.stdout for one in done) == 1


def test_a_database_that_is_not_there_ends_migrate_with_1_and_one_line(database_url):
    missing = run(database_url.rpartition("/")[0] + "/missing", "migrate")
    assert missing.exit_code == 1
    assert "does not exist" in missing.stderr
    assert "Traceback" not in missing.stderr

"""Migrations: the library's, then the app's, one process at a time."""

import threading

import pytest
from sqlalchemy import create_engine, inspect, text

from flask_scale import migrate
from flask_scale.database import normalise_url
from flask_scale.errors import NotConfigured, SettingsError
from flask_scale.revisions import LIBRARY_VERSION_TABLE
from flask_scale.settings import Settings
from tests.support.deadline import assert_soon

REVISION = """
from alembic import op
revision = "{number}"
down_revision = {after}
def upgrade():
    op.execute("{statement}")
"""


@pytest.fixture
def engine(database_url):
    engine = create_engine(normalise_url(database_url))
    yield engine
    engine.dispose()


def add_revision(alembic_folder, number, statement, after="None"):
    code = REVISION.format(number=number, statement=statement, after=after)
    (alembic_folder / "versions" / f"{number}.py").write_text(code)


def test_the_librarys_tables_come_first_and_each_has_its_version_table(database_url, alembic_folder, engine):
    add_revision(alembic_folder, "a1", "CREATE TABLE notes AS SELECT id FROM jobs")
    settings = Settings(database_url=database_url, migrations=str(alembic_folder))
    assert [line.split()[:2] for line in migrate.pending(settings)] == [
        ["flask_scale:", "0001"],
        ["flask_scale:", "0002"],
        ["app:", "a1"],
    ]
    lines = []

    migrate.upgrade(settings, lines.append)

    tables = set(inspect(engine).get_table_names())
    assert tables == {*migrate.LIBRARY_TABLES, "notes", "alembic_version"}
    assert lines == [
        "flask_scale: applied 0001: Jobs, their events, Celery workers and idempotency keys.",
        "flask_scale: applied 0002: Finished jobs by age, jobs with a unique key, schedules.",
        "app: applied a1: ",
    ]
    assert migrate.pending(settings) == []


def test_a_new_revision_is_pending_and_only_it_is_applied(database_url, alembic_folder):
    settings = Settings(database_url=database_url, migrations=str(alembic_folder))
    add_revision(alembic_folder, "a1", "CREATE TABLE notes (id integer)")
    migrate.upgrade(settings)
    add_revision(alembic_folder, "a2", "ALTER TABLE notes ADD word text", after="'a1'")
    lines = []
    migrate.upgrade(settings, lines.append)
    assert lines == ["flask_scale: up to date", "app: applied a2: "]


def test_a_release_runs_on_the_schema_of_the_next_one(database_url, alembic_folder):
    settings = Settings(database_url=database_url, migrations=str(alembic_folder))
    add_revision(alembic_folder, "a1", "CREATE TABLE notes (id integer)")
    add_revision(alembic_folder, "a2", "ALTER TABLE notes ADD word text", after="'a1'")
    migrate.upgrade(settings)
    (alembic_folder / "versions" / "a2.py").unlink()
    assert migrate.pending(settings) == []
    migrate.upgrade(settings)


def test_whoever_comes_second_waits_for_the_first(database_url, engine):
    lines = []
    with engine.connect() as first:
        first.execute(text("SELECT pg_advisory_lock(:key)"), {"key": migrate.LOCK_KEY})
        second = threading.Thread(target=migrate.upgrade, args=(Settings(database_url=database_url), lines.append))
        second.start()
        assert_soon(lambda: lines)
        second.join(1.5)
        assert set(lines) == {"another process is migrating, waiting for it"}
        first.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": migrate.LOCK_KEY})
    second.join(30)
    assert lines[-1].startswith("flask_scale: applied 0002")


def test_a_table_in_use_is_asked_for_again_and_again(database_url, alembic_folder, engine, monkeypatch):
    monkeypatch.setattr(migrate, "LOCK_TIMEOUT_SECONDS", 0.2)
    settings = Settings(database_url=database_url, migrations=str(alembic_folder))
    add_revision(alembic_folder, "a1", "CREATE TABLE notes (id integer)")
    migrate.upgrade(settings)
    add_revision(alembic_folder, "a2", "ALTER TABLE notes ADD word text", after="'a1'")
    lines = []
    with engine.connect() as user:
        user.execute(text("SELECT * FROM notes"))
        migration = threading.Thread(target=migrate.upgrade, args=(settings, lines.append))
        migration.start()
        assert_soon(lambda: any("a table is in use" in line for line in lines))
    migration.join(30)
    assert lines[-1] == "app: applied a2: "


def test_a_folder_that_is_none_is_named(database_url, tmp_path):
    settings = Settings(database_url=database_url, migrations=str(tmp_path / "nothing"))
    with pytest.raises(SettingsError, match="FLASK_SCALE_MIGRATIONS"):
        migrate.pending(settings)


def test_without_a_database_it_says_what_to_set():
    with pytest.raises(NotConfigured, match="FLASK_SCALE_DATABASE_URL"):
        migrate.upgrade(Settings())


def test_a_database_that_is_still_starting_is_waited_for(database_url, postgres_server):
    postgres_server.stop()
    lines = []
    migration = threading.Thread(target=migrate.upgrade, args=(Settings(database_url=database_url), lines.append))
    migration.start()
    assert_soon(lambda: lines)
    postgres_server.start()
    migration.join(60)
    assert lines[0].startswith("waiting for the database")
    assert lines[-1].startswith("flask_scale: applied 0002")


def test_the_release_before_accepts_and_claims_jobs_on_this_schema(database_url, engine):
    """Its own statements, as 0001 was released with: they name columns, and none that came later."""
    migrate.upgrade(Settings(database_url=database_url))
    with engine.begin() as before:
        job = before.scalar(
            text(
                """INSERT INTO jobs (id, task, queue, owner, args, max_attempts, timeout_seconds, run_at, dispatched_at)
                VALUES (gen_random_uuid(), 'add', 'default', NULL, '{}', 5, 600, now(), NULL) RETURNING id"""
            )
        )
        claim = text(
            """UPDATE jobs SET state = 'running', attempt = attempt + 1, lease_token = gen_random_uuid(),
            lease_until = now(), version = version + 1 WHERE id = :id AND state = 'queued'"""
        )
        assert before.execute(claim, {"id": job}).rowcount == 1


def test_indexes_are_built_while_jobs_are_accepted_and_after_a_run_that_gave_up(database_url, engine, monkeypatch):
    """A snapshot that is still in use delays them beyond lock_timeout, and they keep no one waiting."""
    settings = Settings(database_url=database_url)
    migrate.upgrade(settings)
    with engine.begin() as gave_up:
        gave_up.execute(text("DROP INDEX jobs_unique"))
        gave_up.execute(text(f"UPDATE {LIBRARY_VERSION_TABLE} SET version_num = '0001'"))
    monkeypatch.setattr(migrate, "LOCK_TIMEOUT_SECONDS", 1)
    monkeypatch.setattr(migrate, "LOCK_ATTEMPTS", 1)
    insert = text(
        """INSERT INTO jobs (id, task, queue, args, max_attempts, timeout_seconds, run_at)
        VALUES (gen_random_uuid(), 'add', 'default', '{}', 5, 600, now())"""
    )
    lines = []
    migration = threading.Thread(target=migrate.upgrade, args=(settings, lines.append))
    with engine.connect() as reader:
        reader.execution_options(isolation_level="REPEATABLE READ").execute(text("SELECT pg_current_snapshot()"))
        migration.start()
        migration.join(3)
        assert migration.is_alive()
        with engine.begin() as writer:
            writer.execute(text("SET LOCAL statement_timeout = '20s'"))
            writer.execute(insert)
    migration.join(30)
    assert lines[-1].startswith("flask_scale: applied 0002")
    with engine.connect() as connection:
        valid = text("SELECT bool_and(indisvalid) FROM pg_index WHERE indexrelid = CAST(:name AS regclass)")
        assert [connection.scalar(valid, {"name": name}) for name in ("jobs_finished", "jobs_unique")] == [True, True]

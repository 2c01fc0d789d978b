"""PostgreSQL's store keeps the contract."""

import pytest
from sqlalchemy import text

from flask_scale.database import Database
from flask_scale.jobs import statements
from flask_scale.jobs.postgres import PostgresJobStore
from flask_scale.settings import Settings
from flask_scale.testing.jobs import JobStoreConformance

#: Time passes by moving every deadline back: the database's clock is its own.
EARLIER = """UPDATE jobs SET lease_until = lease_until - shift, dispatched_at = dispatched_at - shift,
    run_at = run_at - shift, finished_at = finished_at - shift
    FROM (SELECT make_interval(secs => :seconds) AS shift) AS by"""

TICKED_EARLIER = "UPDATE job_schedules SET tick = tick - make_interval(secs => :seconds)"

#: Jobs of another task, all published and due.
OTHERS = """INSERT INTO jobs (id, task, queue, args, max_attempts, timeout_seconds, run_at, dispatched_at)
    SELECT gen_random_uuid(), 'other', 'default', '{}', 1, 1, now(), now() FROM generate_series(1, 20000)"""


class TestPostgresJobStore(JobStoreConformance):
    @pytest.fixture
    def database(self, migrated_database_url):
        database = Database(Settings(database_url=migrated_database_url))
        yield database
        database.close()

    @pytest.fixture
    def store(self, database):
        return PostgresJobStore(database)

    @pytest.fixture
    def advance(self, database):
        def advance(seconds: float) -> None:
            with database.transaction() as session:
                session.execute(text(EARLIER), {"seconds": seconds})
                session.execute(text(TICKED_EARLIER), {"seconds": seconds})

        return advance

    def test_what_other_tasks_have_in_hints_is_not_read_to_count_slots(self, store, database):
        with database.transaction() as session:
            session.execute(text(OTHERS))
            session.execute(text("ANALYZE jobs"))
            values = {"task": "add", "max_running": 1, "queues": ["default"]}
            plan = session.execute(text(f"EXPLAIN {statements.TAKE_WAITING.text}"), values).scalars().all()
        assert any("using jobs_hinted" in line or "on jobs_hinted" in line for line in plan), plan
        assert not any("Seq Scan" in line for line in plan), plan

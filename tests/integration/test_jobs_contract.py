"""PostgreSQL's store keeps the contract."""

import pytest
from sqlalchemy import text

from flask_scale.database import Database
from flask_scale.jobs.postgres import PostgresJobStore
from flask_scale.settings import Settings
from flask_scale.testing.jobs import JobStoreConformance

#: Time passes by moving every deadline back: the database's clock is its own.
EARLIER = """UPDATE jobs SET lease_until = lease_until - shift, dispatched_at = dispatched_at - shift,
    run_at = run_at - shift, finished_at = finished_at - shift
    FROM (SELECT make_interval(secs => :seconds) AS shift) AS by"""

TICKED_EARLIER = "UPDATE job_schedules SET tick = tick - make_interval(secs => :seconds)"


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

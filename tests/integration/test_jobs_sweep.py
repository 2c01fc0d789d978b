"""A sweep beside attempts that are alive, and beside other sweeps."""

import threading

import pytest

from flask_scale.database import Database
from flask_scale.jobs import statements
from flask_scale.jobs.contract import KEEP
from flask_scale.jobs.postgres import PostgresJobStore
from flask_scale.settings import Settings
from flask_scale.testing.jobs import accepted


@pytest.fixture
def store(migrated_database_url):
    database = Database(Settings(database_url=migrated_database_url))
    yield PostgresJobStore(database)
    database.close()


def test_it_neither_waits_for_a_lease_that_is_being_renewed_nor_ends_it(store):
    # Given a lease that ran out, renewed by a transaction that has not committed
    job = accepted(store)
    claim = store.claim(job.id, tasks=["add"], worker="one", lease_seconds=0)
    expired = []
    sweep = threading.Thread(target=lambda: expired.extend(store.expire(10)))
    with store.transaction() as session:
        store.save(session, claim.lease, checkpoint=KEEP, progress=None, lease_seconds=30)

        sweep.start()
        sweep.join(10)
        waits = sweep.is_alive()
    sweep.join()

    assert (waits, expired) == (False, [])
    assert store.get(job.id).state == "running"


def test_it_leaves_to_another_what_that_is_publishing(store):
    # Given a job that another sweep has taken, in a transaction that has not committed
    accepted(store)
    statement, values = statements.TAKE_UNDISPATCHED, {"tasks": ["add"], "limit": 10}
    taken = []
    sweep = threading.Thread(target=lambda: taken.extend(store.take_undispatched(["add"], 10)))
    with store.transaction() as session:
        assert len(session.execute(statement, values).all()) == 1

        sweep.start()
        sweep.join(10)
        waits = sweep.is_alive()
    sweep.join()

    assert (waits, taken) == (False, [])

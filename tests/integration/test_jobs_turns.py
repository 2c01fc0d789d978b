"""Many that ask for the next job at once."""

import threading

import pytest

from flask_scale.database import Database
from flask_scale.jobs import statements
from flask_scale.jobs.postgres import PostgresJobStore
from flask_scale.settings import Settings
from flask_scale.testing.jobs import accepted, claim_next, history

CALLERS, JOBS = 16, 160


@pytest.fixture
def store(migrated_database_url):
    database = Database(Settings(database_url=migrated_database_url, pool_size=CALLERS + 1))
    yield PostgresJobStore(database)
    database.close()


def test_every_job_is_claimed_once_and_nobody_goes_away_while_there_is_one(store):
    jobs = [accepted(store) for _ in range(JOBS)]
    claims = []

    def drain():
        claim = claim_next(store)
        while claim is not None:
            claims.append(claim)
            _, claim = store.succeed_and_claim_next(
                claim.lease, "null", "default", tasks=["add"], worker="one", lease_seconds=30
            )

    callers = [threading.Thread(target=drain) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert sorted(claim.job.id for claim in claims) == sorted(job.id for job in jobs)
    assert all(history(store, job.id) == ["enqueued", "claimed", "succeeded"] for job in jobs)


def test_it_takes_another_than_the_one_that_somebody_is_about_to_claim(store):
    first, second = accepted(store), accepted(store)
    values = {"queue": "default", "tasks": ["add"], "worker": "one", "lease": 30.0, "detail": None}
    claims = []
    other = threading.Thread(target=lambda: claims.append(claim_next(store)))
    with store.transaction() as session:
        assert str(session.execute(statements.CLAIM_NEXT, values).mappings().one()["id"]) == first.id

        other.start()
        other.join(10)
        waits = other.is_alive()
    other.join()

    assert not waits
    assert claims[0].job.id == second.id


def test_a_turn_is_in_nobodys_way_who_changes_its_job_and_then_the_next(store):
    running, waiting = accepted(store), accepted(store)
    claim = store.claim(running.id, tasks=["add"], worker="one", lease_seconds=30)
    ended = []
    turn = threading.Thread(
        target=lambda: ended.append(
            store.succeed_and_claim_next(claim.lease, "null", "default", tasks=["add"], worker="one", lease_seconds=30)
        )
    )
    with store.transaction() as session:
        store.cancel(running.id, session=session)
        turn.start()
        turn.join(1.5)  # longer than PostgreSQL waits before it looks for a deadlock
        assert store.cancel(waiting.id, session=session) is not None
    turn.join()
    assert ended == [(True, None)]

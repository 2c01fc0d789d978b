"""Idempotency keys on PostgreSQL: one request does the work, the others get its answer."""

import threading

import pytest
from sqlalchemy import text

from flask_scale.database import Database
from flask_scale.errors import IdempotencyInProgress, IdempotencyMismatch
from flask_scale.jobs.idempotency import IdempotencyKeys, StoredResponse
from flask_scale.jobs.postgres import PostgresJobStore
from flask_scale.settings import Settings

HEADERS = {"Location": "/v1/jobs/1"}


@pytest.fixture
def database(migrated_database_url):
    database = Database(
        Settings(database_url=migrated_database_url, pool_size=20, pool_timeout_seconds=60, connect_timeout_seconds=60)
    )
    yield database
    database.close()


def finish(database, owner="ann", key="k", ttl=60.0):
    with database.transaction() as session:
        keys = IdempotencyKeys(session, ttl)
        assert keys.begin(owner, key) is None
        keys.finish(owner, key, "fingerprint", 202, '{"id": "1"}', HEADERS)


def begin(database, owner="ann", key="k"):
    with database.transaction() as session:
        return IdempotencyKeys(session, 60.0).begin(owner, key)


def test_what_was_answered_first_is_answered_again(database):
    finish(database)
    stored = begin(database)
    assert stored == StoredResponse("fingerprint", 202, HEADERS, '{"id": "1"}')
    IdempotencyKeys.check(stored, "fingerprint")


def test_a_key_with_another_payload_is_refused(database):
    finish(database)
    with pytest.raises(IdempotencyMismatch):
        IdempotencyKeys.check(begin(database), "another")


@pytest.mark.parametrize(("owner", "key"), [("bob", "k"), ("ann", "l"), ("an", "nk")])
def test_a_key_is_one_owners(database, owner, key):
    finish(database)
    assert begin(database, owner, key) is None


def test_a_key_in_use_is_in_progress_for_others_and_free_after_a_rollback(database):
    with database.transaction() as first:
        IdempotencyKeys(first, 60.0).begin("ann", "k")
        with pytest.raises(IdempotencyInProgress):
            begin(database)
        first.rollback()
    assert begin(database) is None


def test_a_key_whose_time_is_over_is_new_again_and_purged(database):
    finish(database, ttl=-1.0)
    assert begin(database) is None
    finish(database)
    assert begin(database) is not None
    with database.transaction() as session:
        session.execute(text("UPDATE idempotency_keys SET expires_at = now() - interval '1 s'"))
    store = PostgresJobStore(database)
    assert [store.purge_keys(10), store.purge_keys(10)] == [1, 0]


def test_of_fifty_requests_at_once_one_does_the_work(database):
    done, answers = [], []
    barrier = threading.Barrier(50)

    def request():
        barrier.wait()
        while True:
            try:
                with database.transaction() as session:
                    keys = IdempotencyKeys(session, 60.0)
                    stored = keys.begin("ann", "k")
                    if stored is None:
                        done.append(1)
                        keys.finish("ann", "k", "fingerprint", 202, "the answer", {})
                        answers.append("the answer")
                    else:
                        answers.append(stored.body)
                return
            except IdempotencyInProgress:
                continue

    threads = [threading.Thread(target=request) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 1
    assert answers == ["the answer"] * 50

"""Enqueueing on real servers: job and caller's transaction are one, and hints follow the commit."""

import threading
from contextlib import ExitStack
from datetime import UTC, datetime

import psycopg2.errors
import pytest
from flask import Flask, current_app
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from flask_scale import FlaskScale
from flask_scale.breaker import Breaker
from flask_scale.jobs.job import Hint
from flask_scale.jobs.publisher import EACH, ENOUGH, FAILURES_TO_OPEN
from flask_scale.jobs.runner import Runner
from flask_scale.jobs.schedule import start_due
from flask_scale.settings import Settings

SETTINGS = {
    "job_lease_seconds": 3,
    "job_heartbeat_seconds": 0.5,
    "job_publish_timeout_seconds": 60,
    "pool_size": 50,
    "pool_timeout_seconds": 60,
    "statement_timeout_seconds": 0,
}


@pytest.fixture
def scale(migrated_database_url, broker_url):
    scale = FlaskScale(settings=Settings(database_url=migrated_database_url, broker_url=broker_url, **SETTINGS))
    scale.task("add")(lambda job, left, right: left + right)
    app = Flask(__name__)
    scale.init_app(app)
    with app.app_context():
        yield scale
        scale.jobs.close()
        scale.database.close()


@pytest.fixture
def add(scale):
    return scale.tasks.get("add")


def hints(scale):
    return scale.jobs.publisher.waiting("default")


def test_a_job_is_there_and_published_only_once_its_transaction_commits(scale, add):
    job = add.enqueue(1, 2, session=scale.session)
    assert scale.jobs.find(job.id) is None
    assert hints(scale) == 0

    scale.session.commit()

    assert scale.jobs.get(job.id) == job
    assert hints(scale) == 1
    scale.session.execute(text("SELECT 1"))
    scale.session.commit()
    assert hints(scale) == 1


@pytest.mark.parametrize("when", [{"run_in": 60}, {"run_at": datetime(2999, 1, 1, tzinfo=UTC)}])
def test_a_job_that_is_to_wait_gets_no_hint_before_its_time(scale, add, when):
    add.enqueue(1, 2, **when)
    add.enqueue(1, 2)
    assert hints(scale) == 1


def test_nothing_of_a_job_is_left_after_a_rollback(scale, add):
    job = add.enqueue(1, 2, session=scale.session)
    scale.session.rollback()
    scale.session.execute(text("SELECT 1"))
    scale.session.commit()
    assert scale.jobs.find(job.id) is None
    assert scale.jobs.events(job.id) == []
    assert hints(scale) == 0


def test_a_commit_of_a_savepoint_publishes_nothing_yet(scale, add):
    with scale.session.begin_nested():
        add.enqueue(1, 2, session=scale.session)
    assert hints(scale) == 0
    scale.session.commit()
    assert hints(scale) == 1


def test_a_savepoint_that_is_rolled_back_takes_its_job_along_and_no_other(scale, add):
    kept = add.enqueue(1, 2, session=scale.session)
    with pytest.raises(ZeroDivisionError):
        _enqueue_and_fail(scale, add)
    scale.session.commit()
    assert [job.id for job in scale.jobs.list()] == [kept.id]
    assert [hint.job_id for hint in scale.jobs.store.take_undispatched(["add"], 10)] == []


def _enqueue_and_fail(scale, add):
    with scale.session.begin_nested():
        add.enqueue(3, 4, session=scale.session)
        raise ZeroDivisionError


def test_a_broker_that_is_stopped_neither_fails_nor_loses_an_enqueue(scale, add, broker_server):
    scale.jobs.publisher.breaker = Breaker(FAILURES_TO_OPEN, 600.0)
    broker_server.stop()
    jobs = [add.enqueue(1, number) for number in range(10)]
    assert len(scale.jobs.list()) == 10
    undispatched = {hint.job_id for hint in scale.jobs.store.take_undispatched(["add"], 100)}
    overdue = {hint.job_id for hint in scale.jobs.store.take_overdue(["add"], "default", 0, 100)}
    assert undispatched | overdue == {job.id for job in jobs}
    assert len(undispatched) >= 7


def test_of_fifty_callers_with_a_key_each_gets_the_same_job_and_keeps_its_transaction(scale, add):
    jobs, database = scale.jobs, scale.database
    found, barrier = [], threading.Barrier(50)

    def enqueue():
        barrier.wait()
        with database.transaction() as session:
            found.append(jobs.enqueue(add, "{}", session=session, unique_key="k"))
            session.execute(text("INSERT INTO callers VALUES (1)"))

    with database.transaction() as session:
        session.execute(text("CREATE TABLE callers (number integer)"))
    with ExitStack() as opened:  # One after another: a busy machine opens fifty at once too slowly.
        for _ in range(50):
            opened.enter_context(database.engine.connect())
    threads = [threading.Thread(target=enqueue) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == scale.session.scalar(text("SELECT count(*) FROM callers")) == 50
    assert {job.id for job in found} == {job.id for job in jobs.list()}
    assert len(jobs.list()) == 1
    assert hints(scale) <= 1


def test_a_key_whose_transaction_rolls_back_goes_to_the_one_that_waits(scale, add):
    jobs, database = scale.jobs, scale.database
    found = []

    def enqueue():
        with database.transaction() as session:
            found.append(jobs.enqueue(add, "{}", session=session, unique_key="k"))

    waiting = threading.Thread(target=enqueue)
    with database.transaction() as session:
        first = jobs.enqueue(add, "{}", session=session, unique_key="k")
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive()
        session.rollback()
    waiting.join()
    assert [job.id for job in jobs.list()] == [found[0].id] != [first.id]


def test_of_many_claims_at_once_one_succeeds(scale, add):
    store, job = scale.jobs.store, add.delay(1, 2)
    claims = []
    barrier = threading.Barrier(8)

    def claim():
        barrier.wait()
        claims.append(store.claim(job.id, tasks=["add"], worker="one", lease_seconds=30))

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([claim for claim in claims if claim]) == 1
    assert scale.jobs.get(job.id).attempt == 1


def test_of_many_claims_at_once_no_more_succeed_than_the_tasks_limit(scale, add):
    store, jobs = scale.jobs.store, [add.delay(1, 2) for _ in range(20)]
    claims = []
    barrier = threading.Barrier(20)

    def claim(job):
        barrier.wait()
        claims.append(store.claim(job.id, tasks=["add"], worker="one", lease_seconds=30, limits={"add": 3}))

    threads = [threading.Thread(target=claim, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claims) == 20
    assert len([claim for claim in claims if claim]) == 3
    assert len(store.take_undispatched(["add"], 100)) == 17


def test_of_many_sweeps_at_once_one_accepts_the_run_of_a_tick(scale, add):
    jobs, settings = scale.jobs, scale.settings
    add.periodic("* * * * *", args=[1, 2])
    start_due(jobs.store, settings, add.schedules)
    scale.session.execute(text("UPDATE job_schedules SET tick = tick - interval '1 day'"))
    scale.session.commit()
    barrier = threading.Barrier(8)

    def sweep():
        barrier.wait()
        start_due(jobs.store, settings, add.schedules)

    threads = [threading.Thread(target=sweep) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [job] = jobs.list()
    [enqueued] = jobs.events(job.id)
    assert enqueued.detail["schedule"] == "add"
    assert job.args == {"args": [1, 2], "kwargs": {}}


def test_sweeps_at_once_take_each_lost_job_once(scale, add):
    store = scale.jobs.store
    for _ in range(40):
        store.claim(add.delay(1, 2).id, tasks=["add"], worker="one", lease_seconds=0)
    taken = []
    barrier = threading.Barrier(4)

    def sweep():
        barrier.wait()
        while expired := store.expire(3):
            taken.extend(job.id for job in expired)

    threads = [threading.Thread(target=sweep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 40


def test_a_job_whose_row_its_attempt_has_locked_does_not_expire(scale, add):
    claim = scale.jobs.store.claim(add.delay(1, 2).id, tasks=["add"], worker="one", lease_seconds=0)
    with scale.jobs.store.transaction() as session:
        assert scale.jobs.store.hold(session, claim.lease) == "held"
        assert scale.jobs.store.expire(10) == []
    assert len(scale.jobs.store.expire(10)) == 1


def test_purges_at_once_delete_each_job_once_and_do_not_wait_for_one_that_is_locked(scale, add):
    store = scale.jobs.store
    for _ in range(40):
        store.cancel(add.delay(1, 2).id)
    gone = []
    barrier = threading.Barrier(4)

    def purge():
        barrier.wait()
        while deleted := store.purge(3, age_seconds=0):
            gone.append(deleted)

    threads = [threading.Thread(target=purge) for _ in range(4)]
    with store.transaction() as session:
        session.execute(text("SELECT FROM jobs LIMIT 1 FOR UPDATE"))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(gone) == 39
    assert store.purge(3, age_seconds=0) == 1
    assert scale.session.scalar(text("SELECT count(*) FROM job_events")) == 0


def test_the_table_refuses_a_running_job_without_a_lease(scale, add):
    job = add.delay(1, 2)
    with pytest.raises(IntegrityError) as refused:
        scale.session.execute(text("UPDATE jobs SET state = 'running' WHERE id = :id"), {"id": job.id})
    assert isinstance(refused.value.orig, psycopg2.errors.CheckViolation)


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("state = 'queued' AND run_at <= now() AND dispatched_at IS NULL ORDER BY run_at", "jobs_undispatched"),
        ("state = 'running' AND lease_until < now() ORDER BY lease_until", "jobs_lease"),
        ("finished_at < now() ORDER BY finished_at", "jobs_finished"),
        ("owner = 'ann' ORDER BY created_at DESC, id DESC", "jobs_owner"),
        ("(created_at, id) < (now(), '00000000-0000-0000-0000-000000000000') ORDER BY created_at DESC", "jobs_created"),
    ],
)
def test_what_is_asked_often_is_answered_by_an_index(scale, add, query, index):
    add.enqueue(1, 2, owner="ann")
    scale.session.execute(text("SET LOCAL enable_seqscan = off"))
    plan = scale.session.execute(text(f"EXPLAIN SELECT id FROM jobs WHERE {query} LIMIT 10")).scalars().all()
    assert any(index in line for line in plan), plan


def test_a_task_may_look_and_show_its_progress_inside_its_transaction(scale):
    """The row is locked by the transaction itself: neither may wait for it."""

    @scale.task(max_attempts=1)
    def work(job):
        with job.transaction() as session:
            job.progress(1, 2)
            assert not job.cancelled
            job.complete(session, "done")

    job = work.delay()
    Runner(current_app, worker="one").run(job.id)
    done = scale.jobs.get(job.id)
    assert (done.state, done.progress) == ("succeeded", {"done": 1, "total": 2})
    assert (done.finished_at - done.started_at).total_seconds() < 10


def test_the_broker_holds_no_more_hints_than_wake_everybody(scale, add, monkeypatch):
    """A hint that is spared counts as sent: whoever takes another's finds its job."""
    jobs = [add.enqueue(1, 2) for _ in range(ENOUGH + 3)]
    assert hints(scale) == ENOUGH
    assert scale.jobs.store.take_undispatched(["add"], 10) == []
    monkeypatch.setattr("flask_scale.jobs.turn.TURN_SECONDS", 60)
    Runner(current_app, worker="one", stopping=lambda: False).run(jobs[0].id, "default")
    assert {scale.jobs.get(job.id).state for job in jobs} == {"succeeded"}


def test_every_hint_is_sent_where_somebody_counts_on_it(scale, add):
    jobs = [add.enqueue(1, 2) for _ in range(ENOUGH)]
    assert scale.jobs.publisher.publish([Hint.of(job) for job in jobs[:2]], enough=EACH)
    assert hints(scale) == ENOUGH + 2


def test_a_job_that_starts_by_its_own_hint_alone_has_it_whatever_waits(scale, add):
    scale.task("one", max_running=1)(lambda job: None)
    for _ in range(ENOUGH):
        add.enqueue(1, 2)
    one = scale.tasks.get("one").enqueue()
    assert hints(scale) == ENOUGH + 1
    scale.tasks.get("one").enqueue(session=scale.session)
    scale.session.commit()
    assert hints(scale) == ENOUGH + 2
    scale.jobs.cancel(one.id)
    scale.jobs.requeue(one.id)
    assert hints(scale) == ENOUGH + 3

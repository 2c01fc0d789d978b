"""One attempt, from the claim to its end, on the in-memory store."""

import threading
import time

import pytest
from pydantic import BaseModel
from sqlalchemy.exc import OperationalError

from flask_scale.errors import JobCancelled, LeaseLost, PermanentJobError
from flask_scale.jobs.heartbeat import Heartbeat
from flask_scale.jobs.publisher import ENOUGH
from flask_scale.jobs.runner import Runner
from flask_scale.metrics.instruments import instruments
from flask_scale.testing.jobs import history, run_jobs


def fenced(operation):
    return instruments().jobs_fenced.labels(operation)._value.get()


def test_a_result_ends_the_job(farm):
    add = farm.scale.task()(lambda job, left, right: left + right)
    job = add.enqueue(1, right=2)
    assert run_jobs(farm.app) == 1
    done = farm.jobs.get(job.id)
    assert (done.state, done.result, done.attempt) == ("succeeded", 3, 1)


def test_a_handler_runs_inside_an_app_context_of_its_own(farm):
    from flask import g

    seen = []

    @farm.scale.task()
    def look(job):
        seen.append(hasattr(g, "mark"))
        g.mark = True

    look.delay()
    look.delay()
    run_jobs(farm.app)
    assert seen == [False, False]


def test_what_a_handler_raises_is_told_and_tried_again_until_the_last_attempt(farm):
    @farm.scale.task(max_attempts=2)
    def fail(job):
        raise KeyError(f"attempt {job.attempt}")

    job = fail.delay()
    run_jobs(farm.app)
    assert history(farm.store, job.id)[-1] == "retried"
    farm.clock.advance(1)
    run_jobs(farm.app)
    dead = farm.jobs.get(job.id)
    assert (dead.state, dead.error["type"], dead.error["message"]) == ("dead", "KeyError", "'attempt 2'")
    assert "raise KeyError" in dead.error["traceback"]
    assert "traceback" not in dead.as_dict()["error"]


@pytest.mark.parametrize("result", [object(), float("inf"), {"a": {1}}, b"bytes"])
def test_a_result_that_is_not_json_is_dead_at_once(farm, result):
    task = farm.scale.task()(lambda job: result)
    job = task.delay()
    run_jobs(farm.app)
    dead = farm.jobs.get(job.id)
    assert (dead.state, dead.attempt) == ("dead", 1)
    assert "the result is not JSON" in dead.error["message"]


def test_a_permanent_error_is_dead_at_once(farm):
    @farm.scale.task()
    def refuse(job):
        raise PermanentJobError("no header")

    job = refuse.delay()
    run_jobs(farm.app)
    assert farm.jobs.get(job.id).error["message"] == "no header"
    assert farm.jobs.get(job.id).attempt == 1


def test_completing_in_a_transaction_ends_the_job_and_the_return_value_does_not_count(farm):
    @farm.scale.task()
    def complete(job):
        with job.transaction() as session:
            job.complete(session, "from the transaction")
        return "from the handler"

    before = fenced("complete")
    job = complete.delay()
    run_jobs(farm.app)
    assert fenced("complete") == before
    assert farm.jobs.get(job.id).result == "from the transaction"
    assert history(farm.store, job.id) == ["enqueued", "claimed", "succeeded"]


def test_an_effect_that_fails_after_complete_leaves_the_job_to_be_retried(farm):
    @farm.scale.task()
    def complete(job):
        with job.transaction() as session:
            job.complete(session, "never")
            raise ValueError("the effect failed")

    job = complete.delay()
    run_jobs(farm.app, limit=1)
    assert (farm.jobs.get(job.id).state, farm.jobs.get(job.id).result) == ("queued", None)


def test_a_checkpoint_is_what_the_next_attempt_begins_with(farm):
    seen = []

    @farm.scale.task()
    def step(job):
        seen.append(job.checkpoint)
        if job.attempt == 1:
            with job.transaction() as session:
                job.save(session, {"row": 7}, done=7, total=9)
            raise ValueError

    job = step.delay()
    run_jobs(farm.app)
    farm.clock.advance(1)
    run_jobs(farm.app)
    assert seen == [None, {"row": 7}]
    assert farm.jobs.get(job.id).progress == {"done": 7, "total": 9}


def test_progress_writes_the_first_the_last_and_few_between(farm):
    @farm.scale.task()
    def count(job):
        for done in range(1, 1001):
            job.progress(done, 1000)
        return farm.jobs.get(job.id).progress

    job = count.delay()
    run_jobs(farm.app)
    done = farm.jobs.get(job.id)
    assert done.result == {"done": 1000, "total": 1000}
    assert done.version < 20


@pytest.mark.parametrize("look", ["progress", "transaction", "cancelled"])
def test_a_task_that_looks_stops_when_it_is_cancelled(farm, look):
    @farm.scale.task()
    def work(job):
        farm.jobs.cancel(job.id)
        if look == "progress":
            job.progress(1, 1)
        elif look == "transaction":
            with job.transaction():
                pass
        elif job.cancelled:
            raise JobCancelled
        return "went on"

    job = work.delay()
    run_jobs(farm.app)
    assert farm.jobs.get(job.id).state == "cancelled"


@pytest.mark.parametrize("look", ["progress", "transaction", "complete", "return", "raise"])
def test_an_attempt_that_lost_its_lease_writes_nothing_and_is_counted(farm, look):
    @farm.scale.task()
    def work(job):
        farm.clock.advance(60)
        farm.store.expire(10)
        if look == "progress":
            job.progress(1, 1)
        elif look == "transaction":
            with job.transaction():
                pass
        elif look == "complete":
            with farm.store.transaction() as session:
                job.complete(session, 1)
        elif look == "raise":
            raise ValueError("late")
        return "late"

    operation = {"progress": "save", "return": "complete", "raise": "fail"}.get(look, look)
    before = fenced(operation) + fenced("heartbeat")
    job = work.delay()
    run_jobs(farm.app, limit=1)
    assert farm.jobs.get(job.id).state == "queued"
    assert farm.jobs.get(job.id).error is None
    assert fenced(operation) + fenced("heartbeat") == before + 1


def test_a_deaf_task_is_interrupted_when_it_is_cancelled(farm):
    @farm.scale.task()
    def deaf(job):
        farm.jobs.cancel(job.id)
        time.sleep(30)

    job = deaf.delay()
    run_jobs(farm.app)
    assert farm.jobs.get(job.id).state == "cancelled"


def test_a_task_over_its_time_is_interrupted_and_counts_as_failed(farm):
    @farm.scale.task(timeout=0.2, max_attempts=1)
    def endless(job):
        while True:
            pass

    job = endless.delay()
    run_jobs(farm.app)
    dead = farm.jobs.get(job.id)
    assert (dead.state, dead.error["type"]) == ("dead", "JobTimeout")


def test_in_another_thread_a_task_over_its_time_stops_where_it_looks(farm):
    @farm.scale.task(timeout=0.2, max_attempts=1)
    def endless(job):
        while True:
            job.progress(1)
            time.sleep(0.01)

    job = endless.delay()
    thread = threading.Thread(target=run_jobs, args=(farm.app,))
    thread.start()
    thread.join(20)
    assert farm.jobs.get(job.id).error["type"] == "JobTimeout"


def test_when_the_worker_ends_the_job_is_given_back_and_counts_no_attempt(farm):
    ending = []

    @farm.scale.task()
    def long(job):
        ending.append(True)
        time.sleep(30)

    job = long.delay()
    Runner(farm.app, worker="one", ending=lambda: bool(ending)).run(job.id)
    released = farm.jobs.get(job.id)
    assert (released.state, released.attempt) == ("queued", 0)
    assert history(farm.store, job.id)[-1] == "released"


def test_the_heartbeat_keeps_the_lease_of_a_long_job(farm):
    @farm.scale.task()
    def long(job):
        for _ in range(10):
            farm.clock.advance(1)
            time.sleep(0.15)
            assert farm.store.expire(10) == []

    job = long.delay()
    run_jobs(farm.app)
    assert farm.jobs.get(job.id).state == "succeeded"


def test_a_heartbeat_that_could_not_renew_for_want_of_memory_renews_the_lease_later(farm, monkeypatch):
    renew, failures = farm.store.renew, iter([MemoryError(), RuntimeError("can't start new thread")])
    renewed = threading.Event()

    def starved(*arguments):
        for error in failures:
            raise error
        renewed.set()
        return renew(*arguments)

    monkeypatch.setattr(farm.store, "renew", starved)
    job = farm.scale.task()(lambda job: renewed.wait(60)).delay()
    run_jobs(farm.app)
    assert farm.jobs.get(job.id).result is True


def test_an_attempt_whose_heartbeat_failed_has_lost_its_lease(farm, monkeypatch, caplog):
    monkeypatch.setattr(Heartbeat, "_look", _raise_memory)

    @farm.scale.task()
    def long(job):
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            with job.transaction():
                time.sleep(0.05)

    job = long.delay()
    run_jobs(farm.app)
    assert history(farm.store, job.id) == ["enqueued", "claimed"]
    assert "its heartbeat failed" in caplog.text


def test_a_job_whose_task_has_no_handler_is_left_alone(farm):
    class Nothing(BaseModel):
        pass

    job = farm.scale.declare_task("elsewhere", args=Nothing).delay()
    Runner(farm.app, worker="one").run(job.id)
    assert history(farm.store, job.id) == ["enqueued"]


class Hints:
    """A publisher that keeps what it is given, or refuses it."""

    def __init__(self, takes):
        self.takes, self.sent = takes, []

    def publish(self, hints, *, enough=ENOUGH):
        self.sent += [hint.job_id for hint in hints][:enough]
        return self.takes


@pytest.mark.parametrize("takes", [True, False])
@pytest.mark.parametrize("fails", [True, False])
def test_whoever_ends_a_job_of_a_limited_task_sends_the_next_that_waits(farm, takes, fails):
    @farm.scale.task("one", max_running=1, max_attempts=1)
    def one(job):
        if job.id == first.id:
            Runner(farm.app, worker="two").run(second.id)
            assert farm.jobs.get(second.id).state == "queued"
        if fails:
            raise ValueError

    first, second, _third = one.delay(), one.delay(), one.delay()
    hints = farm.jobs.publisher = Hints(takes)
    Runner(farm.app, worker="one").run(first.id)
    assert hints.sent == [second.id]
    assert farm.jobs.get(first.id).finished
    assert len(farm.store.take_undispatched(["one"], 10)) == (1 if takes else 2)


def test_a_database_that_goes_away_after_the_end_of_a_limited_job_leaves_it_ended(farm, monkeypatch):
    job = farm.scale.task("one", max_running=1)(lambda job: 3).delay()
    monkeypatch.setattr(farm.store, "take_waiting", _raise_away)
    Runner(farm.app, worker="one").run(job.id)
    assert farm.jobs.get(job.id).result == 3


def test_an_error_that_cannot_be_shown_is_still_told(farm):
    class Unreadable(Exception):
        def __str__(self):
            raise RuntimeError

    @farm.scale.task(max_attempts=1)
    def fail(job):
        raise Unreadable

    job = fail.delay()
    run_jobs(farm.app)
    assert farm.jobs.get(job.id).error["message"] == "(the exception has no readable message)"


def test_an_error_is_cut_short_and_cleaned(farm):
    @farm.scale.task(max_attempts=1)
    def fail(job):
        raise ValueError("\0\ud800" + "x" * 100_000)

    job = fail.delay()
    run_jobs(farm.app)
    error = farm.jobs.get(job.id).error
    assert len(error["message"]) == 2_000
    assert len(error["traceback"]) <= 8_000
    assert error["message"].startswith("\N{REPLACEMENT CHARACTER}?x")


def test_a_lost_lease_outdoes_every_other_reason(farm):
    @farm.scale.task()
    def work(job):
        farm.jobs.cancel(job.id)
        assert job.cancelled
        farm.clock.advance(60)
        farm.store.expire(10)
        with pytest.raises(LeaseLost), job.transaction():
            pass
        raise ValueError

    job = work.delay()
    run_jobs(farm.app, limit=1)
    assert farm.jobs.get(job.id).state == "cancelled"


def test_while_the_database_is_away_a_hint_is_dropped_and_its_job_stays(farm, monkeypatch):
    job = farm.scale.task("add")(lambda job: None).delay()
    with monkeypatch.context() as away:
        away.setattr(farm.store, "claim", _raise_away)
        Runner(farm.app, worker="one").run(job.id)
    assert farm.jobs.get(job.id) == job


@pytest.mark.parametrize("queue", [None, "default"])
def test_a_result_is_written_once_the_database_is_back(farm, monkeypatch, queue):
    looks = []
    write = "succeed" if queue is None else "succeed_and_claim_next"
    succeed = getattr(farm.store, write)

    def away_once(*args, **kwargs):
        looks.append(1)
        if len(looks) == 1:
            _raise_away()
        return succeed(*args, **kwargs)

    monkeypatch.setattr(farm.store, write, away_once)
    job = farm.scale.task("add")(lambda job: 3).delay()
    Runner(farm.app, worker="one", stopping=lambda: False).run(job.id, queue)
    assert farm.jobs.get(job.id).result == 3


def _raise_memory(*_args, **_kwargs):
    raise MemoryError


def _raise_away(*_args, **_kwargs):
    raise OperationalError("statement", {}, Exception("the server closed the connection"))

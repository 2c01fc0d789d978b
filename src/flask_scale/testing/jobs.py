"""Jobs in tests: run an app's jobs in this process, and what holds for every job store.

```python
def test_a_report_is_written(app):                  # any app with FlaskScale; no database, no broker
    store = use_memory_jobs(app)
    with app.app_context():
        job = write_report.enqueue(2024)
        run_jobs(app)
        assert state_of().jobs.get(job.id).state == "succeeded"


class TestMyStore(JobStoreConformance):
    @pytest.fixture
    def store(self): ...
    @pytest.fixture
    def advance(self, store): ...                   # advance(seconds): lets the store's time pass
```
"""

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from flask_scale.errors import NotConfigured
from flask_scale.jobs.client import Jobs
from flask_scale.jobs.contract import KEEP, Backoff, Claim, JobStore, Page, Standby
from flask_scale.jobs.job import Job, Lease, NewJob
from flask_scale.jobs.memory import MemoryJobStore
from flask_scale.jobs.runner import Runner
from flask_scale.state import state_of

#: Lease of these tests, in seconds.
LEASE = 30.0
LIMITS = {"add": 2}
NO_WAIT = Backoff(base=0.0, cap=0.0)
ERROR = {"type": "ValueError", "message": "no", "traceback": "somewhere"}

Advance = Callable[[float], None]


class JobClock:
    """A clock that a test turns, for a `MemoryJobStore`."""

    def __init__(self) -> None:
        self._now = datetime(2024, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self._now += timedelta(microseconds=1)
        return self._now

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self._now += timedelta(seconds=seconds)


def use_memory_jobs(app: Flask, store: MemoryJobStore | None = None) -> MemoryJobStore:
    """Give the app jobs in memory, whatever its settings say; nothing is published."""
    state = state_of(app)
    store = store or MemoryJobStore()
    state.jobs = Jobs(store, state.settings.model_copy(update={"broker_url": None}))
    return store


def run_jobs(app: Flask, limit: int = 100) -> int:
    """Run the app's due jobs here and now, retries that are due included; gives the number of attempts.

    Raises:
        NotConfigured: the app has no jobs.
    """
    state = state_of(app)
    if state.jobs is None or state.tasks is None:
        raise NotConfigured("no jobs: call use_memory_jobs(app), or set FLASK_SCALE_DATABASE_URL")
    runner = Runner(app, worker="test")
    ran = 0
    while ran < limit and (hints := state.jobs.store.take_undispatched(state.tasks.handled(), limit - ran)):
        for hint in hints:
            runner.run(hint.job_id)
        ran += len(hints)
    return ran


def new_job(**changes: Any) -> NewJob:
    """A job of the task `add`, due at once, whose hint nobody sends."""
    values: dict[str, Any] = {
        "task": "add",
        "queue": "default",
        "args": '{"args":[1,2],"kwargs":{}}',
        "owner": None,
        "max_attempts": 2,
        "timeout_seconds": 60.0,
        "run_at": None,
        "run_in": 0.0,
        "unique_key": None,
        "dispatched": False,
    }
    return NewJob(**{**values, **changes})


def accepted(store: JobStore, **changes: Any) -> Job:
    """A job that the store took."""
    with store.transaction() as session:
        return store.insert(session, new_job(**changes))


def claimed(store: JobStore, job_id: str, tasks: Sequence[str] = ("add",)) -> Claim:
    """The claim of a job that can be had; fails the test where it cannot."""
    claim = store.claim(job_id, tasks=tasks, worker="one", lease_seconds=LEASE)
    assert claim is not None
    return claim


def claim_next(store: JobStore) -> Claim | None:
    """The longest due job of `add` in the default queue."""
    return store.claim_next("default", tasks=["add"], worker="one", lease_seconds=LEASE)


def claim_slot(store: JobStore, job_id: str) -> Claim | None:
    """A claim where at most two jobs of `add` may run at once."""
    return store.claim(job_id, tasks=["add", "other"], worker="one", lease_seconds=LEASE, limits=LIMITS)


def save(store: JobStore, lease: Lease, checkpoint: Any = KEEP, progress: dict[str, Any] | None = None) -> str:
    """Save in a transaction of its own; gives what the fence said."""
    with store.transaction() as session:
        return store.save(session, lease, checkpoint=checkpoint, progress=progress, lease_seconds=LEASE)


def succeed(store: JobStore, lease: Lease, result: str = "3") -> bool:
    """Complete in a transaction of its own; False where the fence refused."""
    with store.transaction() as session:
        return store.succeed(session, lease, result)


def history(store: JobStore, job_id: str) -> list[str]:
    """The job's events by name."""
    return [event.event for event in store.events(job_id)]


class JobStoreConformance:
    """What holds for every job store."""

    # Accepting

    def test_a_job_that_was_accepted_is_read_as_it_was_written(self, store: JobStore) -> None:
        job = accepted(store, owner="ann", args='{"args":["\\u0000\\ud800"],"kwargs":{}}')
        assert store.get(job.id) == job
        assert (job.state, job.attempt, job.owner) == ("queued", 0, "ann")
        assert job.args == {"args": ["\0\ud800"], "kwargs": {}}
        assert history(store, job.id) == ["enqueued"]

    def test_a_job_of_a_transaction_that_failed_was_never_there(self, store: JobStore) -> None:
        new = new_job()
        with pytest.raises(ZeroDivisionError):
            _fail_after(store, lambda session: store.insert(session, new))
        assert store.get(new.id) is None
        assert store.events(new.id) == []

    @pytest.mark.parametrize("job_id", ["00000000-0000-4000-8000-000000000000", "no id", "", "'; --"])
    def test_an_id_that_nobody_has_finds_nothing(self, store: JobStore, job_id: str) -> None:
        assert store.get(job_id) is None
        assert store.cancel(job_id) is None
        assert store.requeue(job_id, dispatched=False) is None
        assert store.claim(job_id, tasks=["add"], worker="one", lease_seconds=LEASE) is None
        assert store.events(job_id) == []

    def test_another_owner_neither_sees_nor_cancels_a_job(self, store: JobStore) -> None:
        job = accepted(store, owner="ann")
        assert store.get(job.id, "bob") is None
        assert store.cancel(job.id, "bob") is None
        assert store.get(job.id, "ann") == job

    def test_pages_run_from_the_newest_to_the_oldest_without_gap_or_repeat(self, store: JobStore) -> None:
        jobs = [accepted(store) for _ in range(5)]
        seen: list[str] = []
        before = None
        while page := store.search(Page(limit=2, before=before)):
            seen += [job.id for job in page]
            before = (page[-1].created_at, page[-1].id)
        assert seen == [job.id for job in reversed(jobs)]

    def test_a_list_keeps_to_owner_state_and_task(self, store: JobStore) -> None:
        job = accepted(store, owner="ann")
        accepted(store, owner="bob")
        accepted(store, owner="ann", task="other")
        store.cancel(accepted(store, owner="ann").id)
        assert store.search(Page(owner="ann", state="queued", task="add")) == [job]

    # One unfinished job a key

    def test_a_second_job_of_a_key_is_the_first_while_that_is_queued_or_running(self, store: JobStore) -> None:
        first = accepted(store, unique_key="2024")
        assert first.unique_key == "2024"
        assert accepted(store, unique_key="2024") == first
        lease = claimed(store, first.id).lease
        assert accepted(store, unique_key="2024").id == first.id
        succeed(store, lease)
        assert accepted(store, unique_key="2024").id != first.id
        assert history(store, first.id) == ["enqueued", "claimed", "succeeded"]

    def test_a_key_is_one_tasks_and_one_owners(self, store: JobStore) -> None:
        keys: list[dict[str, Any]] = [{}, {"task": "other"}, {"owner": "ann"}, {"owner": "bob"}, {"unique_key": "l"}]
        assert len({accepted(store, **{"unique_key": "k", **key}).id for key in keys}) == len(keys)
        assert accepted(store, unique_key=None).id != accepted(store, unique_key=None).id

    @pytest.mark.parametrize("end", ["dead", "cancelled"])
    def test_a_key_is_free_after_every_end_and_taken_between_attempts(self, store: JobStore, end: str) -> None:
        job = accepted(store, unique_key="k")
        if end == "dead":
            store.fail(claimed(store, job.id).lease, ERROR, permanent=False, backoff=NO_WAIT)
            assert accepted(store, unique_key="k").id == job.id
            store.fail(claimed(store, job.id).lease, ERROR, permanent=False, backoff=NO_WAIT)
        else:
            store.cancel(job.id)
        assert accepted(store, unique_key="k").id != job.id

    def test_a_key_of_a_transaction_that_failed_is_free(self, store: JobStore) -> None:
        with pytest.raises(ZeroDivisionError):
            _fail_after(store, lambda session: store.insert(session, new_job(unique_key="k")))
        new = new_job(unique_key="k")
        with store.transaction() as session:
            assert store.insert(session, new).id == new.id

    def test_a_job_is_not_queued_again_beside_an_unfinished_one_of_its_key(self, store: JobStore) -> None:
        first = accepted(store, unique_key="k")
        store.cancel(first.id)
        second = accepted(store, unique_key="k")
        assert store.requeue(first.id, dispatched=False) is None
        store.cancel(second.id)
        assert store.requeue(first.id, dispatched=False) is not None

    # Claiming

    def test_a_claim_counts_the_attempt_and_gives_a_fresh_token(self, store: JobStore) -> None:
        job = accepted(store)
        first = claimed(store, job.id)
        store.release(first.lease)
        second = claimed(store, job.id)
        assert (first.job.state, first.job.attempt) == ("running", 1)
        assert first.job.started_at is not None
        assert first.lease.token != second.lease.token

    def test_a_running_job_is_not_claimed_again(self, store: JobStore) -> None:
        job = accepted(store)
        claimed(store, job.id)
        assert store.claim(job.id, tasks=["add"], worker="two", lease_seconds=LEASE) is None
        assert history(store, job.id) == ["enqueued", "claimed"]

    def test_a_job_without_a_handler_stays_queued_and_counts_no_attempt(self, store: JobStore) -> None:
        job = accepted(store)
        assert store.claim(job.id, tasks=["other"], worker="one", lease_seconds=LEASE) is None
        assert store.claim(job.id, tasks=[], worker="one", lease_seconds=LEASE) is None
        assert store.get(job.id) == job

    def test_a_job_is_not_claimed_before_its_time(self, store: JobStore, advance: Advance) -> None:
        job = accepted(store)
        later = accepted(store, run_at=job.created_at + timedelta(seconds=60))
        assert store.claim(later.id, tasks=["add"], worker="one", lease_seconds=LEASE) is None
        advance(61)
        assert claimed(store, later.id).job.id == later.id

    def test_a_job_that_is_to_run_in_some_seconds_is_not_claimed_before(
        self, store: JobStore, advance: Advance
    ) -> None:
        later = accepted(store, run_in=60.0)
        assert (later.run_at - later.created_at).total_seconds() == pytest.approx(60, abs=0.1)
        assert store.claim(later.id, tasks=["add"], worker="one", lease_seconds=LEASE) is None
        assert store.take_undispatched(["add"], 10) == []
        advance(61)
        assert len(store.take_undispatched(["add"], 10)) == 1
        assert claimed(store, later.id).job.id == later.id

    def test_no_more_jobs_of_a_task_run_than_its_limit_and_what_waits_counts_no_attempt(self, store: JobStore) -> None:
        jobs = [accepted(store, dispatched=True) for _ in range(3)]
        claims = [claim_slot(store, job.id) for job in jobs]
        assert [claim is not None for claim in claims] == [True, True, False]
        waiting = _read(store, jobs[2].id)
        assert (waiting.state, waiting.attempt) == ("queued", 0)
        assert history(store, waiting.id) == ["enqueued"]
        assert claim_slot(store, accepted(store, task="other").id) is not None
        assert claims[0] is not None
        succeed(store, claims[0].lease)
        assert claim_slot(store, waiting.id) is not None

    @pytest.mark.parametrize("end", ["fail", "stop", "release", "lease"])
    def test_every_end_of_an_attempt_frees_its_slot(self, store: JobStore, advance: Advance, end: str) -> None:
        jobs = [accepted(store) for _ in range(3)]
        lease = claimed(store, jobs[0].id).lease
        claimed(store, jobs[1].id)
        if end == "fail":
            store.fail(lease, ERROR, permanent=True, backoff=NO_WAIT)
        elif end == "lease":
            advance(LEASE + 1)
            store.expire(1)
        else:
            getattr(store, end)(lease)
        assert claim_slot(store, jobs[2].id) is not None

    def test_what_waits_for_a_slot_is_taken_once_there_is_one_and_no_more_than_that(self, store: JobStore) -> None:
        jobs = [accepted(store, dispatched=True) for _ in range(4)]
        claims = [claim_slot(store, job.id) for job in jobs]
        assert store.take_waiting(LIMITS, ["default"]) == []
        assert claims[0] is not None
        succeed(store, claims[0].lease)
        assert [(hint.job_id, hint.alone) for hint in store.take_waiting(LIMITS, ["default"])] == [(jobs[2].id, True)]
        assert store.take_waiting(LIMITS, ["default"]) == []
        store.undispatch([jobs[2].id])
        assert len(store.take_waiting(LIMITS, ["default"])) == 1
        assert store.take_waiting({"other": 9}, ["default"]) == []

    def test_a_hint_in_a_queue_that_is_not_looked_after_takes_no_slot(self, store: JobStore) -> None:
        for _ in range(2):
            accepted(store, queue="gone", dispatched=True)
        accepted(store, queue="gone")
        waiting = accepted(store)
        assert [hint.job_id for hint in store.take_waiting(LIMITS, ["default"])] == [waiting.id]
        assert store.take_waiting(LIMITS, ["gone", "default"]) == []

    def test_a_limit_that_was_lowered_below_what_runs_lets_nothing_start(self, store: JobStore) -> None:
        jobs = [accepted(store) for _ in range(3)]
        claimed(store, jobs[0].id)
        claimed(store, jobs[1].id)
        assert store.take_waiting({"add": 1}, ["default"]) == []
        assert store.claim(jobs[2].id, tasks=["add"], worker="one", lease_seconds=LEASE, limits={"add": 1}) is None

    def test_the_next_of_a_queue_is_its_longest_due_of_the_tasks(self, store: JobStore) -> None:
        first = accepted(store)
        accepted(store, queue="other")
        accepted(store, task="other")
        second, third = accepted(store), accepted(store)
        accepted(store, run_at=first.created_at + timedelta(seconds=60))
        claimed(store, second.id)
        assert [hint.job_id for hint in store.due("default", ["add"], 9)] == [first.id, third.id]
        assert [hint.job_id for hint in store.due("default", ["add"], 1)] == [first.id]
        claims = [claim_next(store) for _ in range(3)]
        assert [claim and claim.job.id for claim in claims] == [first.id, third.id, None]
        assert claims[0] is not None
        assert (claims[0].job.state, claims[0].job.attempt) == ("running", 1)
        assert history(store, first.id) == ["enqueued", "claimed"]
        assert succeed(store, claims[0].lease)
        assert store.due("default", ["add"], 9) == []

    @pytest.mark.parametrize("is_held", [True, False])
    @pytest.mark.parametrize("is_last", [True, False])
    def test_one_job_ends_and_the_next_begins_neither_hanging_on_the_other(
        self, store: JobStore, advance: Advance, is_held: bool, is_last: bool
    ) -> None:
        ending, waiting = accepted(store, max_attempts=1), None if is_last else accepted(store)
        lease = claimed(store, ending.id).lease
        if not is_held:
            advance(LEASE + 1)
            store.expire(10)
        ended, claim = store.succeed_and_claim_next(
            lease, '{"sum":3}', "default", tasks=["add"], worker="two", lease_seconds=LEASE
        )
        found = _read(store, ending.id)
        assert ended is is_held
        assert (found.state, found.result) == (("succeeded", {"sum": 3}) if is_held else ("dead", None))
        assert history(store, ending.id)[2:] == [found.state]
        if waiting is None:
            assert claim is None
        else:
            assert claim is not None
            assert (claim.job.id, claim.job.state, claim.job.attempt) == (waiting.id, "running", 1)
            assert history(store, waiting.id) == ["enqueued", "claimed"]
            assert succeed(store, claim.lease)

    # Writing under the lease

    def test_the_holder_of_the_lease_writes_and_ends_its_job(self, store: JobStore) -> None:
        job = accepted(store)
        lease = claimed(store, job.id).lease
        assert store.renew(lease, LEASE) == "held"
        assert save(store, lease, {"row": 7}, {"done": 7, "total": None}) == "held"
        assert succeed(store, lease, '{"rows":7}')
        ended = store.get(job.id)
        assert ended is not None
        assert (ended.state, ended.result, ended.checkpoint) == ("succeeded", {"rows": 7}, {"row": 7})
        assert ended.progress == {"done": 7, "total": None}
        assert ended.finished_at is not None
        assert history(store, job.id) == ["enqueued", "claimed", "succeeded"]

    @pytest.mark.parametrize("lost", ["taken over", "ended", "expired", "never had"])
    def test_nothing_is_written_without_the_lease(self, store: JobStore, advance: Advance, lost: str) -> None:
        job = accepted(store)
        lease = claimed(store, job.id).lease
        if lost == "ended":
            succeed(store, lease)
        elif lost == "never had":
            lease = Lease(job.id, str(uuid.uuid4()))
        else:
            advance(LEASE + 1)
            store.expire(10)
            if lost == "taken over":
                claimed(store, job.id)
        before = store.get(job.id)
        with store.transaction() as session:
            assert store.hold(session, lease) == "lost"
        assert store.renew(lease, LEASE) == "lost"
        assert save(store, lease, 1, {"done": 1, "total": 2}) == "lost"
        assert not succeed(store, lease)
        assert store.fail(lease, ERROR, permanent=False, backoff=NO_WAIT) is None
        assert not store.stop(lease)
        assert not store.release(lease)
        assert store.get(job.id) == before

    def test_a_checkpoint_of_a_transaction_that_failed_is_not_kept(self, store: JobStore) -> None:
        job = accepted(store)
        lease = claimed(store, job.id).lease
        save(store, lease, "first")
        with pytest.raises(ZeroDivisionError):
            _fail_after(
                store,
                lambda session: store.save(session, lease, checkpoint=2, progress=None, lease_seconds=LEASE),
            )
        store.release(lease)
        assert claimed(store, job.id).job.checkpoint == "first"

    def test_none_is_a_checkpoint_too(self, store: JobStore) -> None:
        job = accepted(store)
        lease = claimed(store, job.id).lease
        save(store, lease, 1)
        save(store, lease)
        assert _read(store, job.id).checkpoint == 1
        save(store, lease, None)
        assert _read(store, job.id).checkpoint is None

    # Failing

    def test_a_failed_attempt_is_retried_until_the_last_which_is_dead(self, store: JobStore) -> None:
        job = accepted(store, max_attempts=2)
        assert store.fail(claimed(store, job.id).lease, ERROR, permanent=False, backoff=NO_WAIT) == "queued"
        assert store.fail(claimed(store, job.id).lease, ERROR, permanent=False, backoff=NO_WAIT) == "dead"
        dead = _read(store, job.id)
        assert (dead.error, dead.attempt) == (ERROR, 2)
        assert dead.finished_at is not None
        assert history(store, job.id) == ["enqueued", "claimed", "retried", "claimed", "dead"]

    def test_a_permanent_failure_is_dead_at_once(self, store: JobStore) -> None:
        job = accepted(store)
        assert store.fail(claimed(store, job.id).lease, ERROR, permanent=True, backoff=NO_WAIT) == "dead"

    def test_a_retry_waits_at_most_its_backoff(self, store: JobStore, advance: Advance) -> None:
        job = accepted(store)
        lease = claimed(store, job.id).lease
        store.fail(lease, ERROR, permanent=False, backoff=Backoff(base=1000.0, cap=50.0))
        advance(51)
        assert claimed(store, job.id).job.attempt == 2

    def test_a_released_job_counts_no_attempt(self, store: JobStore) -> None:
        job = accepted(store)
        assert store.release(claimed(store, job.id).lease)
        released = _read(store, job.id)
        assert (released.state, released.attempt) == ("queued", 0)

    # Cancelling and queueing again

    def test_a_queued_job_is_cancelled_at_once(self, store: JobStore) -> None:
        job = accepted(store)
        cancelled = store.cancel(job.id)
        assert cancelled is not None
        assert cancelled.state == "cancelled"
        assert store.claim(job.id, tasks=["add"], worker="one", lease_seconds=LEASE) is None
        assert store.cancel(job.id) is None

    def test_a_job_that_is_no_longer_in_the_state_is_not_cancelled(self, store: JobStore) -> None:
        started, waiting = accepted(store), accepted(store)
        claimed(store, started.id)
        assert store.cancel(started.id, state="queued") is None
        assert store.cancel(waiting.id, state="running") is None
        assert [_read(store, job.id).cancel_requested for job in (started, waiting)] == [False, False]
        assert store.cancel(waiting.id, state="queued") is not None
        assert store.cancel(started.id, state="running") is not None

    def test_a_cancel_in_a_transaction_that_rolls_back_has_not_been(self, store: JobStore) -> None:
        job = accepted(store)
        with pytest.raises(ZeroDivisionError):
            _fail_after(store, lambda session: store.cancel(job.id, session=session))
        assert store.get(job.id) == job
        assert history(store, job.id) == ["enqueued"]

    def test_a_running_job_hears_of_the_cancel_at_its_next_write(self, store: JobStore) -> None:
        job = accepted(store)
        lease = claimed(store, job.id).lease
        asked = store.cancel(job.id)
        assert asked is not None
        assert (asked.state, asked.cancel_requested) == ("running", True)
        assert store.renew(lease, LEASE) == "cancel"
        assert save(store, lease) == "cancel"
        with store.transaction() as session:
            assert store.hold(session, lease) == "cancel"
        assert store.stop(lease)
        assert history(store, job.id) == ["enqueued", "claimed", "cancel_requested", "cancelled"]

    @pytest.mark.parametrize("end", ["fail", "lease"])
    def test_a_job_that_was_to_be_cancelled_is_not_retried(self, store: JobStore, advance: Advance, end: str) -> None:
        job = accepted(store)
        lease = claimed(store, job.id).lease
        store.cancel(job.id)
        if end == "fail":
            store.fail(lease, ERROR, permanent=False, backoff=NO_WAIT)
        else:
            advance(LEASE + 1)
            store.expire(10)
        assert _read(store, job.id).state == "cancelled"

    @pytest.mark.parametrize("end", ["dead", "cancelled"])
    def test_a_job_is_queued_again_with_all_its_attempts_and_its_checkpoint(self, store: JobStore, end: str) -> None:
        job = accepted(store, max_attempts=1)
        lease = claimed(store, job.id).lease
        save(store, lease, "here")
        if end == "dead":
            store.fail(lease, ERROR, permanent=False, backoff=NO_WAIT)
        else:
            store.stop(lease)
        again = store.requeue(job.id, dispatched=False)
        assert again is not None
        assert (again.state, again.attempt, again.error, again.finished_at) == ("queued", 0, None, None)
        assert claimed(store, job.id).job.checkpoint == "here"

    def test_a_job_that_may_still_run_or_succeeded_is_not_queued_again(self, store: JobStore) -> None:
        job = accepted(store)
        assert store.requeue(job.id, dispatched=False) is None
        succeed(store, claimed(store, job.id).lease)
        assert store.requeue(job.id, dispatched=False) is None

    def test_every_visible_change_raises_the_version(self, store: JobStore) -> None:
        job = accepted(store)
        versions = [job.version]
        lease = claimed(store, job.id).lease
        versions.append(_read(store, job.id).version)
        save(store, lease, progress={"done": 1, "total": 2})
        versions.append(_read(store, job.id).version)
        succeed(store, lease)
        versions.append(_read(store, job.id).version)
        assert versions == sorted(set(versions))

    # What the reconciler does

    def test_an_attempt_whose_lease_ran_out_is_queued_again_and_its_last_one_dead(
        self, store: JobStore, advance: Advance
    ) -> None:
        job = accepted(store, max_attempts=2)
        for state in ("queued", "dead"):
            claimed(store, job.id)
            advance(LEASE + 1)
            assert [(lost.id, lost.state) for lost in store.expire(10)] == [(job.id, state)]
        dead = _read(store, job.id)
        assert dead.error is not None
        assert dead.error["type"] == "WorkerLost"
        assert history(store, job.id) == ["enqueued", "claimed", "lease_expired", "claimed", "dead"]

    def test_a_lease_that_is_renewed_does_not_run_out(self, store: JobStore, advance: Advance) -> None:
        lease = claimed(store, accepted(store).id).lease
        advance(LEASE / 2 + 1)
        store.renew(lease, LEASE)
        advance(LEASE / 2 + 1)
        assert store.expire(10) == []

    def test_expiring_takes_at_most_its_limit(self, store: JobStore, advance: Advance) -> None:
        for _ in range(3):
            claimed(store, accepted(store).id)
        advance(LEASE + 1)
        assert [len(store.expire(2)), len(store.expire(2)), len(store.expire(2))] == [2, 1, 0]

    def test_due_jobs_that_nobody_published_are_taken_once(self, store: JobStore) -> None:
        job = accepted(store)
        accepted(store, dispatched=True)
        accepted(store, task="other")
        accepted(store, run_at=job.created_at + timedelta(seconds=60))
        assert [hint.job_id for hint in store.take_undispatched(["add"], 10)] == [job.id]
        assert store.take_undispatched(["add"], 10) == []
        store.undispatch([job.id])
        assert len(store.take_undispatched(["add"], 10)) == 1

    def test_a_retried_a_released_and_an_expired_job_wait_to_be_published(
        self, store: JobStore, advance: Advance
    ) -> None:
        jobs = [accepted(store, dispatched=True) for _ in range(3)]
        leases = [claimed(store, job.id).lease for job in jobs]
        store.fail(leases[0], ERROR, permanent=False, backoff=NO_WAIT)
        store.release(leases[1])
        advance(LEASE + 1)
        store.expire(10)
        assert {hint.job_id for hint in store.take_undispatched(["add"], 10)} == {job.id for job in jobs}

    def test_only_hints_older_than_the_grace_are_overdue_the_oldest_first(
        self, store: JobStore, advance: Advance
    ) -> None:
        oldest, older = (accepted(store, dispatched=True) for _ in range(2))
        advance(20)
        accepted(store, dispatched=True)
        accepted(store, dispatched=True, queue="fresh")
        assert store.overdue_queues(["add"], 15) == {"default": 3}
        assert [hint.job_id for hint in store.take_overdue(["add"], "default", 15, 1)] == [oldest.id]
        assert [hint.job_id for hint in store.take_overdue(["add"], "default", 15, 9)] == [older.id]
        assert store.overdue_queues(["add"], 15) == {}
        assert store.overdue_queues(["other"], 0) == {}

    # What is going on

    def test_depth_and_age_count_the_due_jobs_of_each_queue(self, store: JobStore, advance: Advance) -> None:
        job = accepted(store)
        accepted(store, queue="urgent")
        advance(5)
        accepted(store)
        accepted(store, run_at=job.created_at + timedelta(seconds=600))
        claimed(store, accepted(store).id)
        first, second = store.queue_stats()
        assert (first.queue, first.depth, second.queue, second.depth) == ("default", 2, "urgent", 1)
        assert 5 <= first.oldest_age_seconds < 60

    def test_running_jobs_are_counted_by_queue_even_where_their_worker_is_lost(
        self, store: JobStore, advance: Advance
    ) -> None:
        accepted(store)
        claimed(store, accepted(store).id)
        claimed(store, accepted(store, queue="urgent").id)
        advance(3600)
        assert store.running() == {"default": 1, "urgent": 1}
        store.expire(10)
        assert store.running() == {}

    def test_tasks_without_a_live_worker_are_told(self, store: JobStore) -> None:
        accepted(store)
        accepted(store)
        accepted(store, task="other")
        assert store.unhandled() == {"add": 2, "other": 1}
        store.see_worker("one", ["add"], ["default"])
        store.see_worker("one", ["add"], ["default"])
        assert store.unhandled() == {"other": 1}
        store.forget_worker("one")
        assert store.unhandled() == {"add": 2, "other": 1}

    # Periodic jobs

    def test_a_schedule_is_there_once_it_was_noted_and_its_tick_never_goes_back(self, store: JobStore) -> None:
        now, rows = store.schedules(["nightly"])
        assert rows == {}
        tick = now.replace(microsecond=0)
        store.note_schedule("nightly", Standby("0 2 * * *", "UTC", tick))
        store.note_schedule("nightly", Standby("0 3 * * *", "Europe/Paris", tick - timedelta(hours=1)))
        later, rows = store.schedules(["nightly", "other"])
        assert rows == {"nightly": Standby("0 3 * * *", "Europe/Paris", tick)}
        assert later >= now
        assert store.search(Page()) == []

    def test_a_tick_has_one_run_and_only_a_later_one_has_another(self, store: JobStore) -> None:
        now, _rows = store.schedules([])
        due = Standby("* * * * *", "UTC", now)
        later = due._replace(tick=now + timedelta(seconds=60))
        assert store.start_periodic("nightly", due, new_job()) is None
        store.note_schedule("nightly", due)
        assert store.start_periodic("nightly", due, new_job()) is None
        job = store.start_periodic("nightly", later, new_job())
        assert job is not None
        assert store.start_periodic("nightly", later, new_job()) is None
        assert store.start_periodic("nightly", due, new_job()) is None
        assert store.search(Page()) == [job]
        assert history(store, job.id) == ["enqueued"]
        assert [hint.job_id for hint in store.take_undispatched(["add"], 10)] == [job.id]

    def test_a_tick_waits_for_the_run_before_it(self, store: JobStore) -> None:
        now, _rows = store.schedules([])
        ticks = [Standby("* * * * *", "UTC", now + timedelta(seconds=60 * number)) for number in range(4)]
        store.note_schedule("nightly", ticks[0])
        first = store.start_periodic("nightly", ticks[1], new_job(unique_key="nightly"))
        assert first is not None
        assert store.start_periodic("nightly", ticks[2], new_job(unique_key="nightly")) is None
        lease = claimed(store, first.id).lease
        assert store.start_periodic("nightly", ticks[3], new_job(unique_key="nightly")) is None
        succeed(store, lease)
        assert store.start_periodic("nightly", ticks[3], new_job(unique_key="nightly")) is not None

    # Deleting

    def test_purging_finds_nothing_where_nothing_is_old(self, store: JobStore) -> None:
        succeed(store, claimed(store, accepted(store).id).lease)
        assert store.count_finished(age_seconds=60) == 0
        assert store.purge(10, age_seconds=60) == 0
        assert store.purge_keys(10) == 0

    def test_finished_jobs_are_purged_with_their_events_and_no_others(self, store: JobStore, advance: Advance) -> None:
        succeeded, dead, cancelled, running, queued = (accepted(store) for _ in range(5))
        succeed(store, claimed(store, succeeded.id).lease)
        store.fail(claimed(store, dead.id).lease, ERROR, permanent=True, backoff=NO_WAIT)
        store.cancel(cancelled.id)
        claimed(store, running.id)
        advance(61)
        fresh = accepted(store)
        store.cancel(fresh.id)
        assert store.count_finished(age_seconds=60) == 3
        assert store.purge(10, age_seconds=60) == 3
        assert [store.get(job.id) for job in (succeeded, dead, cancelled)] == [None] * 3
        assert [store.events(job.id) for job in (succeeded, dead, cancelled)] == [[]] * 3
        assert {job.id for job in store.search(Page())} == {running.id, queued.id, fresh.id}

    def test_a_purge_keeps_to_its_state(self, store: JobStore, advance: Advance) -> None:
        dead, cancelled = accepted(store), accepted(store)
        store.fail(claimed(store, dead.id).lease, ERROR, permanent=True, backoff=NO_WAIT)
        store.cancel(cancelled.id)
        advance(61)
        assert store.count_finished(age_seconds=60, state="dead") == 1
        assert store.purge(10, age_seconds=60, state="dead") == 1
        assert [job.id for job in store.search(Page())] == [cancelled.id]

    def test_a_purge_takes_at_most_its_limit_the_oldest_first(self, store: JobStore, advance: Advance) -> None:
        jobs = [accepted(store) for _ in range(3)]
        for job in reversed(jobs):
            store.cancel(job.id)
            advance(1)
        advance(60)
        assert store.purge(2, age_seconds=60) == 2
        assert [job.id for job in store.search(Page())] == [jobs[0].id]
        assert [store.purge(2, age_seconds=60), store.purge(2, age_seconds=60)] == [1, 0]

    def test_a_job_that_was_queued_again_is_not_purged(self, store: JobStore, advance: Advance) -> None:
        job = accepted(store)
        store.cancel(job.id)
        advance(61)
        store.requeue(job.id, dispatched=False)
        assert store.purge(10, age_seconds=60) == 0


def _fail_after(store: JobStore, write: Callable[[Session], object]) -> None:
    with store.transaction() as session:
        write(session)
        raise ZeroDivisionError


def _read(store: JobStore, job_id: str) -> Job:
    job = store.get(job_id)
    assert job is not None
    return job

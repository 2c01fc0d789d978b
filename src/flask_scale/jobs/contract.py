"""What every job store promises.

`postgres.py` is the truth in production, `memory.py` serves tests; `flask_scale.testing.jobs` checks the
promise on each. A store decides states and owns the clock; it never talks to the broker.

An attempt writes through its `Lease`. Once the lease is lost every such write changes nothing and says so.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from flask_scale.jobs.job import Hint, Job, JobEvent, JobState, Lease, NewJob

#: What a fenced write found: the lease is ours, it is and someone asked to cancel, or it is not ours.
Standing = Literal["held", "cancel", "lost"]


class QueueStat(NamedTuple):
    """Due jobs that wait in a queue."""

    queue: str
    depth: int
    oldest_age_seconds: float


class Page(NamedTuple):
    """Which jobs to list, newest first."""

    owner: str | None = None
    state: JobState | None = None
    task: str | None = None
    limit: int = 50
    #: Only those before this (created_at, id): the last job of the page before.
    before: tuple[datetime, str] | None = None


@dataclass(frozen=True)
class Claim:
    """A job that is now ours to run."""

    job: Job
    lease: Lease
    #: When it was made, by `time.monotonic`: the lease runs from here.
    at: float = field(default_factory=time.monotonic, compare=False)


@dataclass(frozen=True)
class Backoff:
    """Retry n waits a random time up to `base * 2**n`, at most `cap`; both in seconds."""

    base: float
    cap: float


class Standby(NamedTuple):
    """A schedule's row: its line, and the tick that its last run was for."""

    cron: str
    time_zone: str
    tick: datetime


#: A Celery worker that the reconciler has not noted for this long is taken for gone.
WORKER_SILENCE_SECONDS = 60.0

#: A database that is away for a moment; what was to be written is tried again.
AWAY = (OperationalError, InterfaceError, PoolTimeout)

#: No task is held to a number of running jobs.
NO_LIMITS: Mapping[str, int] = {}

#: Stands for "leave the checkpoint as it is", since None is a checkpoint too.
KEEP: Any = object()


class JobStore(Protocol):
    """Jobs, their events and who may write them.

    Methods that take a `session` work inside its transaction; the others, and those that get none, have one of their
    own.
    """

    def transaction(self) -> AbstractContextManager[Session]:
        """A transaction of its own: commits at the end, rolls back on an exception."""
        ...

    def statement(self) -> AbstractContextManager[Session]:
        """A session for one statement, which is the whole transaction."""
        ...

    def insert(self, session: Session | None, new: NewJob) -> Job:
        """Write the job and its first event, in a transaction of its own where there is no session.

        Where an unfinished job of the task, owner and `unique_key` is there, nothing is written and that one is
        returned: its id tells. A transaction that is about to write such a job is waited for.
        """
        ...

    def get(self, job_id: str, owner: str | None = None, session: Session | None = None) -> Job | None:
        """The job, or None where there is none or it belongs to another owner."""
        ...

    def search(self, page: Page) -> list[Job]:
        """Jobs, newest first."""
        ...

    def events(self, job_id: str) -> list[JobEvent]:
        """The job's history, oldest first."""
        ...

    def cancel(
        self,
        job_id: str,
        owner: str | None = None,
        session: Session | None = None,
        state: JobState | None = None,
    ) -> Job | None:
        """Cancel a queued job, or ask a running one to stop; None where there was nothing to change.

        With `state`, only a job that is still in it.
        """
        ...

    def requeue(self, job_id: str, *, dispatched: bool) -> Job | None:
        """Queue a dead or cancelled job again, its attempts forgotten; None where it is neither.

        None also where an unfinished job has its unique key.
        """
        ...

    def claim(
        self,
        job_id: str,
        *,
        tasks: Sequence[str],
        worker: str,
        lease_seconds: float,
        limits: Mapping[str, int] = NO_LIMITS,
    ) -> Claim | None:
        """Begin an attempt: count it and take a fresh lease. None where it is not due, queued and one of `tasks`.

        None also where so many jobs of its task run as `limits` allows: it then waits for `take_waiting`.
        """
        ...

    def claim_next(self, queue: str, *, tasks: Sequence[str], worker: str, lease_seconds: float) -> Claim | None:
        """Begin an attempt at the longest due job of the queue that is one of `tasks`, none of which has a limit.

        None where there is none that nobody else is about to claim.
        """
        ...

    def due(self, queue: str, tasks: Sequence[str], limit: int) -> list[Hint]:
        """Up to `limit` jobs that `claim_next` might find now, the longest due first; nothing is changed."""
        ...

    def renew(self, lease: Lease, lease_seconds: float) -> Standing:
        """Keep the lease for `lease_seconds` from now."""
        ...

    def hold(self, session: Session, lease: Lease) -> Standing:
        """Lock the job's row for the transaction if the lease is still ours."""
        ...

    def save(
        self, session: Session, lease: Lease, *, checkpoint: Any, progress: dict[str, Any] | None, lease_seconds: float
    ) -> Standing:
        """Write a checkpoint (`KEEP` leaves it) and progress (None leaves it), and renew the lease."""
        ...

    def succeed(self, session: Session, lease: Lease, result: str) -> bool:
        """End the job with its result, JSON text. False where the lease is lost."""
        ...

    def succeed_and_claim_next(
        self, lease: Lease, result: str, queue: str, *, tasks: Sequence[str], worker: str, lease_seconds: float
    ) -> tuple[bool, Claim | None]:
        """`succeed` and `claim_next` in one transaction of its own, and what each gives: neither hangs on the other."""
        ...

    def fail(self, lease: Lease, error: dict[str, str], *, permanent: bool, backoff: Backoff) -> JobState | None:
        """End the attempt: queued again, or dead, or cancelled if asked. None where the lease is lost."""
        ...

    def stop(self, lease: Lease) -> bool:
        """End the job as cancelled. False where the lease is lost."""
        ...

    def release(self, lease: Lease) -> bool:
        """Give the job back as if the attempt had not begun. False where the lease is lost."""
        ...

    def expire(self, limit: int) -> list[Job]:
        """End up to `limit` attempts whose lease ran out: queued again, dead, or cancelled if asked."""
        ...

    def take_undispatched(self, tasks: Sequence[str], limit: int) -> list[Hint]:
        """Due jobs whose hint nobody sent; they count as dispatched from now on."""
        ...

    def take_waiting(self, limits: Mapping[str, int], queues: Sequence[str]) -> list[Hint]:
        """Due jobs of the tasks in `limits` whose hint nobody sent, as many of each as may start beside the others.

        They count as dispatched from now on, and start by these hints alone. One that runs takes a slot, and so does
        one of these queues that was dispatched; jobs of other queues are neither taken nor counted.
        """
        ...

    def overdue_queues(self, tasks: Sequence[str], grace_seconds: float) -> dict[str, int]:
        """Queues with a hint older than `grace_seconds` that no one acted on, and how many due jobs each holds."""
        ...

    def take_overdue(self, tasks: Sequence[str], queue: str, grace_seconds: float, limit: int) -> list[Hint]:
        """The jobs of such a queue whose hint is the oldest; they count as dispatched from now on."""
        ...

    def undispatch(self, job_ids: Sequence[str]) -> None:
        """Say that the hints of these jobs were not sent after all."""
        ...

    def schedules(self, names: Sequence[str]) -> tuple[datetime, dict[str, Standby]]:
        """The store's time, and the rows of these schedules that there are, by name."""
        ...

    def note_schedule(self, name: str, due: Standby) -> None:
        """Write a schedule's row without a run; where it is there, its line, and its tick only if that is later."""
        ...

    def start_periodic(self, name: str, due: Standby, new: NewJob) -> Job | None:
        """Move a schedule on to its tick and accept the run, both or neither.

        None where the row has the tick already or a later one, or an unfinished job has the run's unique key.
        """
        ...

    def see_worker(self, worker: str, tasks: Sequence[str], queues: Sequence[str]) -> None:
        """Note that a Celery worker is there and which tasks it has handlers for."""
        ...

    def forget_worker(self, worker: str) -> None:
        """Note that a Celery worker ended."""
        ...

    def queue_stats(self) -> list[QueueStat]:
        """Depth and oldest age of every queue that holds due jobs."""
        ...

    def running(self) -> dict[str, int]:
        """Running jobs by queue, also those whose lease ran out and that no sweep has seen yet."""
        ...

    def unhandled(self) -> dict[str, int]:
        """Due jobs by task, of tasks for which no live Celery worker has a handler."""
        ...

    def purge(self, limit: int, *, age_seconds: float, state: JobState | None = None) -> int:
        """Delete up to `limit` jobs that finished longer ago than that, the oldest first, with their events.

        `state` keeps to one of the finished ones. Gives how many; those that someone has locked are left for later.
        """
        ...

    def count_finished(self, *, age_seconds: float, state: JobState | None = None) -> int:
        """How many jobs finished longer ago than that."""
        ...

    def purge_keys(self, limit: int) -> int:
        """Delete up to `limit` idempotency keys whose time is over; gives how many."""
        ...

"""The jobs in this process's memory: for tests of an app, gone at its end."""

import contextlib
import json
import random
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from flask_scale.jobs.contract import (
    KEEP,
    NO_LIMITS,
    WORKER_SILENCE_SECONDS,
    Backoff,
    Claim,
    Page,
    QueueStat,
    Standby,
    Standing,
)
from flask_scale.jobs.job import Hint, Job, JobEvent, JobState, Lease, NewJob

#: Where a session keeps the rows that its rollback puts back.
UNDO = "flask_scale_memory_jobs"


@dataclass(frozen=True)
class Row:
    """A job with what only its store sees."""

    job: Job
    events: tuple[JobEvent, ...] = ()
    token: str | None = None
    lease_until: datetime | None = None
    worker: str | None = None
    dispatched_at: datetime | None = None


class MemoryJobStore:
    """A `JobStore` without a database. What a session writes is visible at once, and gone after its rollback.

    `sessions` makes the sessions that handlers get; the default has no database, so give one where
    handlers use it. `clock` gives the time.
    """

    def __init__(
        self, sessions: Callable[[], Session] = Session, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._rows: dict[str, Row] = {}
        self._workers: dict[str, tuple[Sequence[str], datetime]] = {}
        self._schedules: dict[str, Standby] = {}
        self._lock = threading.RLock()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Session]:
        with self._sessions() as session, session.begin():
            yield session

    def statement(self) -> contextlib.AbstractContextManager[Session]:
        return self.transaction()

    # What clients do.

    def insert(self, session: Session | None, new: NewJob) -> Job:
        now = self._clock()
        values = {name: value for name, value in vars(new).items() if name not in ("dispatched", "args", "run_in")}
        blank = dict.fromkeys(("progress", "checkpoint", "result", "error", "started_at", "finished_at"))
        job = Job(
            **{**blank, **values, "run_at": new.run_at or now + timedelta(seconds=new.run_in)},
            args=json.loads(new.args),
            state="queued",
            attempt=0,
            cancel_requested=False,
            version=1,
            created_at=now,
        )
        with self._lock:
            found = self._unfinished(new.task, new.owner, new.unique_key)
            if found is not None:
                return found
            if session is not None:
                self._remember(session, job.id)
            row = Row(job, dispatched_at=now if new.dispatched else None)
            self._rows[job.id] = self._logged(row, "enqueued")
        return job

    def get(self, job_id: str, owner: str | None = None, session: Session | None = None) -> Job | None:
        row = self._rows.get(job_id)
        return row.job if row is not None and owner in (None, row.job.owner) else None

    def search(self, page: Page) -> list[Job]:
        found = [row.job for row in list(self._rows.values()) if _is_on(page, row.job)]
        return sorted(found, key=lambda job: (job.created_at, job.id), reverse=True)[: page.limit]

    def events(self, job_id: str) -> list[JobEvent]:
        row = self._rows.get(job_id)
        return list(row.events) if row is not None else []

    def cancel(
        self,
        job_id: str,
        owner: str | None = None,
        session: Session | None = None,
        state: JobState | None = None,
    ) -> Job | None:
        with self._lock:
            if session is not None:
                self._remember(session, job_id)
            job = self.get(job_id, owner)
            if job is None or job.finished or (job.state == "running" and job.cancel_requested):
                return None
            if state not in (None, job.state):
                return None
            if job.state == "queued":
                return self._change(job_id, "cancelled", state="cancelled", cancel_requested=True, finished_at=...)
            return self._change(job_id, "cancel_requested", cancel_requested=True)

    def requeue(self, job_id: str, *, dispatched: bool) -> Job | None:
        with self._lock:
            job = self.get(job_id)
            if job is None or job.state not in ("dead", "cancelled"):
                return None
            if self._unfinished(job.task, job.owner, job.unique_key) is not None:
                return None
            row = self._rows[job_id]
            self._rows[job_id] = replace(row, worker=None, dispatched_at=self._clock() if dispatched else None)
            blank = dict.fromkeys(("error", "started_at", "finished_at"))
            return self._change(
                job_id, "requeued", state="queued", attempt=0, cancel_requested=False, run_at=self._clock(), **blank
            )

    # What an attempt does.

    def claim(
        self,
        job_id: str,
        *,
        tasks: Sequence[str],
        worker: str,
        lease_seconds: float,
        limits: Mapping[str, int] = NO_LIMITS,
    ) -> Claim | None:
        with self._lock:
            job = self.get(job_id)
            if job is None or job.state != "queued" or job.task not in tasks or job.run_at > self._clock():
                return None
            if job.task in limits and self._running(job.task) >= limits[job.task]:
                self.undispatch([job_id])
                return None
            lease = Lease(job_id, str(uuid.uuid4()))
            self._rows[job_id] = replace(
                self._rows[job_id], token=lease.token, lease_until=self._after(lease_seconds), worker=worker
            )
            started_at = job.started_at or self._clock()
            job = self._change(job_id, "claimed", state="running", attempt=job.attempt + 1, started_at=started_at)
            return Claim(job, lease)

    def claim_next(self, queue: str, *, tasks: Sequence[str], worker: str, lease_seconds: float) -> Claim | None:
        with self._lock:
            due = self.due(queue, tasks, 1)
            if not due:
                return None
            return self.claim(due[0].job_id, tasks=tasks, worker=worker, lease_seconds=lease_seconds)

    def due(self, queue: str, tasks: Sequence[str], limit: int) -> list[Hint]:
        jobs = [row.job for row in self._due(tasks) if row.job.queue == queue]
        return [Hint.of(job) for job in sorted(jobs, key=lambda job: job.run_at)[:limit]]

    def renew(self, lease: Lease, lease_seconds: float) -> Standing:
        with self._lock:
            if self._standing(lease) != "lost":
                self._rows[lease.job_id] = replace(self._rows[lease.job_id], lease_until=self._after(lease_seconds))
            return self._standing(lease)

    def hold(self, session: Session, lease: Lease) -> Standing:
        return self._standing(lease)

    def save(
        self, session: Session, lease: Lease, *, checkpoint: Any, progress: dict[str, Any] | None, lease_seconds: float
    ) -> Standing:
        with self._lock:
            if self._standing(lease) == "lost":
                return "lost"
            self._remember(session, lease.job_id)
            changes: dict[str, Any] = {} if checkpoint is KEEP else {"checkpoint": _copy(checkpoint)}
            if progress is not None:
                changes["progress"] = _copy(progress)
            self._change(lease.job_id, None, **changes)
            return self.renew(lease, lease_seconds)

    def succeed(self, session: Session, lease: Lease, result: str) -> bool:
        with self._lock:
            if self._standing(lease) == "lost":
                return False
            self._remember(session, lease.job_id)
            self._end(lease.job_id, "succeeded", state="succeeded", result=json.loads(result), error=None)
            return True

    def succeed_and_claim_next(
        self, lease: Lease, result: str, queue: str, *, tasks: Sequence[str], worker: str, lease_seconds: float
    ) -> tuple[bool, Claim | None]:
        with self._lock, self.transaction() as session:
            ended = self.succeed(session, lease, result)
            return ended, self.claim_next(queue, tasks=tasks, worker=worker, lease_seconds=lease_seconds)

    def fail(self, lease: Lease, error: dict[str, str], *, permanent: bool, backoff: Backoff) -> JobState | None:
        with self._lock:
            if self._standing(lease) == "lost":
                return None
            job = self._rows[lease.job_id].job
            state = _state_after(job, permanent)
            self._end(lease.job_id, "retried" if state == "queued" else state, state=state, error=error)
            if state == "queued":
                wait = random.uniform(0, min(backoff.cap, backoff.base * 2**job.attempt))  # noqa: S311
                row = self._rows[lease.job_id]
                self._rows[lease.job_id] = replace(row, job=replace(row.job, run_at=self._after(wait)))
            return state

    def stop(self, lease: Lease) -> bool:
        with self._lock:
            if self._standing(lease) == "lost":
                return False
            self._end(lease.job_id, "cancelled", state="cancelled")
            return True

    def release(self, lease: Lease) -> bool:
        with self._lock:
            if self._standing(lease) == "lost":
                return False
            attempt = self._rows[lease.job_id].job.attempt - 1
            self._end(lease.job_id, "released", state="queued", attempt=attempt, run_at=self._clock())
            return True

    # What the reconciler does.

    def expire(self, limit: int) -> list[Job]:
        with self._lock:
            now = self._clock()
            lost = [row for row in self._rows.values() if row.lease_until is not None and row.lease_until < now]
            return [self._expire(row) for row in lost[:limit]]

    def take_undispatched(self, tasks: Sequence[str], limit: int) -> list[Hint]:
        return self._take([row for row in self._due(tasks) if row.dispatched_at is None][:limit])

    def take_waiting(self, limits: Mapping[str, int], queues: Sequence[str]) -> list[Hint]:
        with self._lock:
            hints: list[Hint] = []
            for task, most in limits.items():
                due = [row for row in self._due([task]) if row.job.queue in queues]
                waiting = [row for row in due if row.dispatched_at is None]
                free = most - self._running(task) - (len(due) - len(waiting))
                hints += [replace(hint, alone=True) for hint in self._take(waiting[: max(0, free)])]
            return hints

    def overdue_queues(self, tasks: Sequence[str], grace_seconds: float) -> dict[str, int]:
        due = [row for row in self._due(tasks) if row.dispatched_at is not None]
        old = self._after(-grace_seconds)
        queues = {row.job.queue for row in due if row.dispatched_at is not None and row.dispatched_at < old}
        return {queue: sum(row.job.queue == queue for row in due) for queue in queues}

    def take_overdue(self, tasks: Sequence[str], queue: str, grace_seconds: float, limit: int) -> list[Hint]:
        old = self._after(-grace_seconds)
        rows = [row for row in self._due(tasks) if row.dispatched_at and row.dispatched_at < old]
        rows = sorted((row for row in rows if row.job.queue == queue), key=lambda row: str(row.dispatched_at))
        return self._take(rows[:limit], "republished")

    def undispatch(self, job_ids: Sequence[str]) -> None:
        with self._lock:
            for job_id in job_ids:
                if self._rows[job_id].job.state == "queued":
                    self._rows[job_id] = replace(self._rows[job_id], dispatched_at=None)

    def schedules(self, names: Sequence[str]) -> tuple[datetime, dict[str, Standby]]:
        with self._lock:
            return self._clock(), {name: self._schedules[name] for name in names if name in self._schedules}

    def note_schedule(self, name: str, due: Standby) -> None:
        with self._lock:
            old = self._schedules.get(name, due)
            self._schedules[name] = due._replace(tick=max(old.tick, due.tick))

    def start_periodic(self, name: str, due: Standby, new: NewJob) -> Job | None:
        with self._lock:
            old = self._schedules.get(name)
            if old is None or old.tick >= due.tick or self._unfinished(new.task, new.owner, new.unique_key):
                return None
            self._schedules[name] = due
            with self.transaction() as session:
                return self.insert(session, new)

    def see_worker(self, worker: str, tasks: Sequence[str], queues: Sequence[str]) -> None:
        self._workers[worker] = (tasks, self._clock())

    def forget_worker(self, worker: str) -> None:
        self._workers.pop(worker, None)

    def purge(self, limit: int, *, age_seconds: float, state: JobState | None = None) -> int:
        with self._lock:
            old = self._finished(age_seconds, state)[:limit]
            for job in old:
                del self._rows[job.id]
        return len(old)

    def count_finished(self, *, age_seconds: float, state: JobState | None = None) -> int:
        return len(self._finished(age_seconds, state))

    def purge_keys(self, limit: int) -> int:
        return 0  # The keys are in a database.

    # What is going on.

    def queue_stats(self) -> list[QueueStat]:
        due = [row.job for row in self._due(None)]
        now = self._clock()
        return [
            QueueStat(
                queue,
                sum(job.queue == queue for job in due),
                max((now - job.run_at).total_seconds() for job in due if job.queue == queue),
            )
            for queue in sorted({job.queue for job in due})
        ]

    def running(self) -> dict[str, int]:
        with self._lock:
            queues = [row.job.queue for row in self._rows.values() if row.job.state == "running"]
        return {queue: queues.count(queue) for queue in sorted(set(queues))}

    def unhandled(self) -> dict[str, int]:
        silent = self._after(-WORKER_SILENCE_SECONDS)
        handled = {task for tasks, seen in self._workers.values() if seen > silent for task in tasks}
        due = [row.job.task for row in self._due(None)]
        return {task: due.count(task) for task in sorted(set(due) - handled)}

    def _finished(self, age_seconds: float, state: JobState | None) -> list[Job]:
        before = self._after(-age_seconds)
        with self._lock:
            ends = [(row.job.finished_at, row.job) for row in self._rows.values() if state in (None, row.job.state)]
        old = [(end, job) for end, job in ends if end is not None and end < before]
        return [job for _end, job in sorted(old, key=lambda pair: pair[0])]

    def _after(self, seconds: float) -> datetime:
        return self._clock() + timedelta(seconds=seconds)

    def _unfinished(self, task: str, owner: str | None, unique_key: str | None) -> Job | None:
        wanted = (task, owner, unique_key)
        jobs = [row.job for row in self._rows.values() if unique_key is not None and not row.job.finished]
        return next((job for job in jobs if (job.task, job.owner, job.unique_key) == wanted), None)

    def _running(self, task: str) -> int:
        return sum(row.job.task == task and row.job.state == "running" for row in self._rows.values())

    def _standing(self, lease: Lease) -> Standing:
        row = self._rows.get(lease.job_id)
        if row is None or row.token != lease.token:
            return "lost"
        return "cancel" if row.job.cancel_requested else "held"

    def _due(self, tasks: Sequence[str] | None) -> list[Row]:
        now = self._clock()
        with self._lock:
            rows = [row for row in self._rows.values() if row.job.state == "queued" and row.job.run_at <= now]
        return [row for row in rows if tasks is None or row.job.task in tasks]

    def _take(self, rows: Sequence[Row], name: str | None = None) -> list[Hint]:
        with self._lock:
            for row in rows:
                taken = replace(row, dispatched_at=self._clock())
                self._rows[row.job.id] = self._logged(taken, name) if name else taken
        return [Hint.of(row.job) for row in rows]

    def _expire(self, row: Row) -> Job:
        job, state = row.job, _state_after(row.job, permanent=False)
        message = (
            f"worker lost: {row.worker} stopped answering in attempt {job.attempt}: the job crashed its process, was "
            "killed for its time or memory, or the machine is gone"
        )
        lost = {"type": "WorkerLost", "message": message, "traceback": ""}
        return self._end(
            job.id,
            "lease_expired" if state == "queued" else state,
            state=state,
            error=lost if state == "dead" else job.error,
            run_at=self._clock() if state == "queued" else job.run_at,
        )

    def _end(self, job_id: str, name: str, **changes: Any) -> Job:
        self._rows[job_id] = replace(self._rows[job_id], token=None, lease_until=None, dispatched_at=None)
        return self._change(job_id, name, finished_at=None if changes["state"] == "queued" else ..., **changes)

    def _change(self, job_id: str, name: str | None, **changes: Any) -> Job:
        """Change the job's fields, `...` standing for now, and log the event."""
        row = self._rows[job_id]
        values: dict[str, Any] = {field: self._clock() if value is ... else value for field, value in changes.items()}
        row = replace(row, job=replace(row.job, version=row.job.version + 1, **values))
        self._rows[job_id] = self._logged(row, name) if name else row
        return row.job

    def _logged(self, row: Row, name: str) -> Row:
        detail = (
            {key: row.job.error[key] for key in ("type", "message")} if row.job.error and name == "retried" else None
        )
        return replace(row, events=(*row.events, JobEvent(name, row.job.attempt, row.worker, detail, self._clock())))

    def _remember(self, session: Session, job_id: str) -> None:
        undo: dict[str, Row | None] | None = session.info.get(UNDO)
        if undo is None:
            undo = session.info[UNDO] = {}
            event.listen(session, "after_rollback", self._undo)
            event.listen(session, "after_commit", lambda session: session.info[UNDO].clear())
        undo.setdefault(job_id, self._rows.get(job_id))

    def _undo(self, session: Session) -> None:
        with self._lock:
            for job_id, row in session.info[UNDO].items():
                if row is None:
                    self._rows.pop(job_id, None)
                else:
                    self._rows[job_id] = row
            session.info[UNDO].clear()


def _is_on(page: Page, job: Job) -> bool:
    return (
        page.owner in (None, job.owner)
        and page.state in (None, job.state)
        and page.task in (None, job.task)
        and (page.before is None or (job.created_at, job.id) < page.before)
    )


def _state_after(job: Job, permanent: bool) -> JobState:
    if job.cancel_requested:
        return "cancelled"
    return "dead" if permanent or job.attempt >= job.max_attempts else "queued"


def _copy(value: Any) -> Any:
    return json.loads(json.dumps(value))

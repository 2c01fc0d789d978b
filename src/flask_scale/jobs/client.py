"""Jobs: what an app does with jobs. Services use `scale.jobs` and the tasks; they never meet a store."""

import builtins
import time
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import event
from sqlalchemy.orm import Session

from flask_scale.errors import JobNotFound, JobStateError
from flask_scale.jobs import failpoints
from flask_scale.jobs.contract import JobStore, Page, QueueStat
from flask_scale.jobs.job import Hint, Job, JobEvent, JobState
from flask_scale.jobs.publisher import Publisher
from flask_scale.jobs.task import Task
from flask_scale.metrics.instruments import instruments
from flask_scale.settings import Settings

if TYPE_CHECKING:
    from celery import Celery

#: Where a session keeps the hints that its commit will publish.
HINTS = "flask_scale_job_hints"

#: Seconds between two looks of a long poll: short at first, then longer.
FIRST_LOOK = 0.1
LONGEST_LOOK = 1.0


class Jobs:
    """The durable jobs of one app. PostgreSQL is the truth; the broker only carries hints."""

    def __init__(self, store: JobStore, settings: Settings) -> None:
        self.store = store
        self.settings = settings
        self.publisher = Publisher(settings.broker_url, timeout_seconds=settings.job_publish_timeout_seconds)
        self._celery: Celery | None = None

    @property
    def celery(self) -> "Celery":
        """The Celery app on our broker, for `inspect` and the worker. Built at first use.

        Raises:
            NotConfigured: no broker_url.
        """
        if self._celery is None:
            from flask_scale.jobs.broker import build_celery

            self._celery = build_celery(self.settings)
        return self._celery

    def enqueue(
        self,
        task: Task,
        args: str,
        *,
        session: Session | None = None,
        owner: str | None = None,
        run_at: datetime | None = None,
        run_in: float = 0.0,
        unique_key: str | None = None,
    ) -> Job:
        """Accept a job; `args` is JSON text. Use `task.enqueue`, which checks what it is given."""
        new = task.new_job(
            args,
            self.settings,
            owner=owner,
            run_at=run_at,
            run_in=run_in,
            unique_key=unique_key,
            dispatched=run_at is None and run_in == 0 and self.publisher.ready,
        )
        job = self.store.insert(session, new)
        if job.id != new.id:
            return job
        hints = [Hint.of(job, alone=task.max_running is not None)] if new.dispatched else []
        if session is None:
            failpoints.reach("commit.before")
            self._publish(hints)
        elif hints:
            self._publish_after_commit(session, hints)
        instruments().jobs_enqueued.labels(job.task).inc()
        return job

    def get(self, job_id: str, owner: str | None = None, session: Session | None = None) -> Job:
        """The job as it is now; with `owner`, only if it is theirs.

        Raises:
            JobNotFound: there is none, or it belongs to another owner.
        """
        job = self.store.get(job_id, owner, session)
        if job is None:
            raise JobNotFound(f"no job {job_id}")
        return job

    def find(self, job_id: str, owner: str | None = None) -> Job | None:
        """The job as it is now, or None where `get` raises."""
        return self.store.get(job_id, owner)

    def list(
        self,
        owner: str | None = None,
        state: JobState | None = None,
        task: str | None = None,
        limit: int = 50,
        before: tuple[datetime, str] | None = None,
    ) -> builtins.list[Job]:
        """Jobs, newest first. `before` is (created_at, id) of the last job of the page before."""
        return self.store.search(Page(owner, state, task, limit, before))

    def events(self, job_id: str) -> builtins.list[JobEvent]:
        """The job's history, oldest first."""
        return self.store.events(job_id)

    def wait(self, job_id: str, seconds: float, since: int | None = None, owner: str | None = None) -> Job:
        """Wait up to `seconds` for the job to change, and return it as it is then.

        `since` is the `version` that the caller has; without it, the one found now. A finished job is returned
        at once. No database connection is held while it sleeps.

        Raises:
            JobNotFound: there is none, or it belongs to another owner.
        """
        deadline = time.monotonic() + seconds
        job = self.get(job_id, owner)
        seen = job.version if since is None else since
        pause = FIRST_LOOK
        while job.version == seen and not job.finished and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, LONGEST_LOOK)
            job = self.get(job_id, owner)
        return job

    def cancel(
        self,
        job_id: str,
        owner: str | None = None,
        session: Session | None = None,
        state: JobState | None = None,
    ) -> Job:
        """Cancel a queued job, or ask a running one to stop. Asking again changes nothing.

        With `session`, in the caller's transaction, and with its connection. With `state`, only if it is still in it.

        Raises:
            JobNotFound: there is none, or it belongs to another owner.
            JobStateError: it finished before, or is not in `state`.
        """
        changed = self.store.cancel(job_id, owner, session, state)
        if changed is not None:
            return changed
        job = self.get(job_id, owner, session)
        if job.cancel_requested:
            return job
        raise JobStateError(f"job {job.id} cannot be cancelled: it is {job.state}")

    def requeue(self, job_id: str) -> Job:
        """Queue a dead or cancelled job again with all its attempts; it goes on from its checkpoint.

        Raises:
            JobNotFound: there is none.
            JobStateError: it is neither dead nor cancelled, or an unfinished job has its unique key.
        """
        ready = self.publisher.ready
        changed = self.store.requeue(job_id, dispatched=ready)
        if changed is None:
            job = self.get(job_id)
            why = "an unfinished job has its unique key" if job.state in ("dead", "cancelled") else f"it is {job.state}"
            raise JobStateError(f"job {job.id} cannot be queued again: {why}")
        if ready:
            self.publisher.publish([Hint.of(changed, alone=True)])
        return changed

    def queue_stats(self) -> builtins.list[QueueStat]:
        """(queue, depth, oldest_age_seconds) of every queue with due jobs that wait."""
        return self.store.queue_stats()

    def running(self) -> dict[str, int]:
        """Running jobs by queue."""
        return self.store.running()

    def unhandled(self) -> dict[str, int]:
        """Due jobs by task, of tasks that no running Celery worker handles."""
        return self.store.unhandled()

    def after_fork(self) -> None:
        """Forget what the parent process learned of the broker."""
        self.publisher.after_fork()

    def close(self) -> None:
        """Close the connections to the broker."""
        self.publisher.close()

    def _publish_after_commit(self, session: Session, hints: Sequence[Hint]) -> None:
        if HINTS not in session.info:
            session.info[HINTS] = []
            event.listen(session, "before_commit", _on_before_commit)
            event.listen(session, "after_commit", self._on_commit)
            event.listen(session, "after_rollback", _on_rollback)
        session.info[HINTS] += hints

    def _on_commit(self, session: Session) -> None:
        if session.in_nested_transaction():
            return
        hints, session.info[HINTS] = session.info[HINTS], []
        self._publish(hints)

    def _publish(self, hints: Sequence[Hint]) -> None:
        failpoints.reach("commit.after")
        if hints:
            self.publisher.publish(hints)


def _on_before_commit(_session: Session) -> None:
    failpoints.reach("commit.before")


def _on_rollback(session: Session) -> None:
    session.info[HINTS] = []

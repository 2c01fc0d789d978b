"""One attempt at a job, from the claim to its end."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from flask import Flask

from flask_scale.errors import JobCancelled, JobReleased, LeaseLost, NotConfigured, PermanentJobError
from flask_scale.jobs import failpoints
from flask_scale.jobs.attempt import Attempt
from flask_scale.jobs.bounds import Watchdog, memory_limit
from flask_scale.jobs.contract import AWAY, Backoff, Claim
from flask_scale.jobs.failure import SIGTERM_CODE, describe
from flask_scale.jobs.heartbeat import Heartbeat
from flask_scale.jobs.interruption import Interruption
from flask_scale.jobs.job import Job
from flask_scale.jobs.running import RunningJob, result_text
from flask_scale.jobs.slots import publish_waiting
from flask_scale.metrics.instruments import instruments
from flask_scale.state import state_of

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: A handler that computes for so many times its lease, and lets no other thread run, is ended with its process.
DEAF_LEASES = 2

#: How long a process that got SIGTERM waits to hear that the Celery worker got it too, in seconds.
SIGTERM_SECONDS = 2.0


class Runner:
    """Runs jobs of one app, each inside an app context of its own.

    Whatever a handler raises ends here: nothing reaches Celery, so nothing has to be pickled.
    """

    #: True in a process that runs one job at a time and may be ended for it: its jobs are held within their bounds.
    confined = False

    def __init__(
        self,
        app: Flask,
        *,
        worker: str,
        ending: Callable[[], bool] = lambda: False,
        stopping: Callable[[], bool] = lambda: True,
    ) -> None:
        """`stopping` tells that the Celery worker was told to end, `ending` that its grace period is over."""
        state = state_of(app)
        if state.jobs is None or state.tasks is None:
            raise NotConfigured("no jobs without a database: set FLASK_SCALE_DATABASE_URL")
        self._app = app
        self._store = state.jobs.store
        self._publisher = state.jobs.publisher
        self._tasks = state.tasks
        self._settings = state.settings
        self._worker = worker
        self._ending = ending
        self._stopping = stopping

    def run(self, job_id: str) -> None:
        """Run the job if it is due and its task has a handler here; else leave it as it is."""
        claim = self._claim(job_id)
        if claim is None:
            return
        began = time.monotonic()
        outcome = "lost"
        try:
            outcome = self._attempt(claim)
        finally:
            seconds = time.monotonic() - began
            instruments().job_duration.labels(claim.job.task, outcome).observe(seconds)
            logger.info(
                "job %s (%s) attempt %s: %s in %.3f s", job_id, claim.job.task, claim.job.attempt, outcome, seconds
            )
        self._send_next(claim.job)

    def _send_next(self, ended: Job) -> None:
        """Send the hint of a job that waited for the slot that is free now; what fails here, the next sweep does."""
        limits = {name: most for name, most in self._tasks.limits().items() if name == ended.task}
        try:
            publish_waiting(self._store, self._publisher, limits, [ended.queue])
        except AWAY as error:
            logger.warning("task %s: the database is away, the next sweep starts what waits: %s", ended.task, error)

    def _claim(self, job_id: str) -> Claim | None:
        tasks, lease_seconds = self._tasks.handled(), self._settings.job_lease_seconds
        try:
            claim = self._store.claim(
                job_id,
                tasks=tasks,
                worker=self._worker,
                lease_seconds=lease_seconds,
                limits=self._tasks.limits(),
            )
            if claim is None:
                self._explain(job_id)
            return claim
        except AWAY as error:
            logger.warning("job %s: the database is away, its hint will come again: %s", job_id, error)
            return None

    def _attempt(self, claim: Claim) -> str:
        attempt = Attempt(claim)
        interruption = Interruption()
        watchdog = Watchdog(self._settings.job_lease_seconds * DEAF_LEASES if self.confined else 0)
        with Heartbeat(attempt, self._store, self._settings, interruption, self._ending, watchdog):
            try:
                self._handle(attempt, interruption)
            except BaseException as error:
                outcome = self._end(attempt, error)
                if not isinstance(error, Exception):
                    raise
                return outcome
            return "succeeded"

    def _handle(self, attempt: Attempt, interruption: Interruption) -> None:
        job = RunningJob(attempt, self._store, self._settings)
        max_bytes = self._settings.job_max_memory_bytes if self.confined else 0
        with memory_limit(max_bytes), interruption, self._app.app_context():
            result = self._tasks.get(attempt.job.task).run(job)
            text = "" if attempt.completed else result_text(result)
        if not attempt.completed:
            self._succeed(attempt, text)

    def _succeed(self, attempt: Attempt, result: str) -> None:
        def write() -> bool:
            with self._store.statement() as session:
                succeeded = self._store.succeed(session, attempt.lease, result)
            failpoints.reach("completion.after")
            return succeeded

        if not _insist(attempt, write):
            attempt.found("lost", "complete")

    def _end(self, attempt: Attempt, error: BaseException) -> str:
        """Write how an attempt that did not succeed ended, and give its outcome."""
        error = attempt.reason or (JobReleased("SIGTERM") if self._is_told_to_end(error) else error)
        if isinstance(error, LeaseLost):
            logger.warning("%s", error)
            return "lost"
        if isinstance(error, JobReleased):
            return self._fenced(attempt, "release", lambda: "released" if self._store.release(attempt.lease) else None)
        if isinstance(error, JobCancelled):
            return self._fenced(attempt, "cancel", lambda: "cancelled" if self._store.stop(attempt.lease) else None)
        logger.warning("job %s (%s) failed", attempt.job.id, attempt.job.task, exc_info=error)
        return self._fenced(attempt, "fail", lambda: self._fail(attempt, error))

    def _is_told_to_end(self, error: BaseException) -> bool:
        """True where a pool process got SIGTERM, and not from its own handler."""
        if not isinstance(error, SystemExit) or error.code != SIGTERM_CODE:
            return False
        deadline = time.monotonic() + SIGTERM_SECONDS
        while not (stopping := self._stopping()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return stopping

    def _fail(self, attempt: Attempt, error: BaseException) -> str | None:
        state = self._store.fail(
            attempt.lease,
            describe(error),
            permanent=isinstance(error, PermanentJobError),
            backoff=Backoff(self._settings.job_backoff_base_seconds, self._settings.job_backoff_cap_seconds),
        )
        return "retried" if state == "queued" else state

    def _fenced(self, attempt: Attempt, operation: str, write: Callable[[], str | None]) -> str:
        try:
            outcome = _insist(attempt, write)
        except AWAY as error:
            logger.warning("job %s: the database was away longer than the lease: %s", attempt.job.id, error)
            return "lost"
        if outcome is not None:
            return outcome
        if attempt.completed:
            return "succeeded"
        attempt.note("lost", operation)
        logger.warning("job %s: %s rejected, another attempt owns it", attempt.job.id, operation)
        return "lost"

    def _explain(self, job_id: str) -> None:
        job = self._store.get(job_id)
        if job is not None and job.state == "queued" and job.task not in self._tasks.handled():
            logger.warning("job %s stays queued: this Celery worker has no handler for task %s", job_id, job.task)


def _insist(attempt: Attempt, write: Callable[[], T]) -> T:
    """Write, again and again while the database is away and the lease may still be ours."""
    while True:
        try:
            return write()
        except AWAY as error:
            if isinstance(attempt.reason, LeaseLost):
                raise
            logger.warning("job %s: the database is away, trying again: %s", attempt.job.id, error)
            time.sleep(1.0)

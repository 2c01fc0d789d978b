"""Attempts at jobs, each from its claim to its end."""

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
from flask_scale.jobs.deadlines import Deadlines
from flask_scale.jobs.failure import SIGTERM_CODE, describe
from flask_scale.jobs.heartbeat import Heartbeat, pulse_of
from flask_scale.jobs.interruption import Interruption
from flask_scale.jobs.job import Job
from flask_scale.jobs.running import RunningJob, result_text
from flask_scale.jobs.slots import publish_waiting
from flask_scale.jobs.turn import Turn
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
        deadlines: Deadlines | None = None,
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
        self._pulse = pulse_of(state.settings)
        self._deadlines = deadlines or Deadlines(1)

    def run(self, job_id: str, queue: str | None = None) -> None:
        """Run the job if it is due and its task has a handler here; else leave it as it is.

        With `queue`, go on with its other jobs that are due, for a turn.
        """
        turn = Turn(
            self._store,
            self._publisher,
            self._tasks,
            self._settings,
            worker=self._worker,
            stopping=self._stopping,
            queue=queue,
        )
        claim = turn.first(job_id)
        try:
            while claim is not None:
                self._run(claim, turn)
                claim = turn.next()
        finally:
            turn.give_back()

    def _run(self, claim: Claim, turn: Turn) -> None:
        job, began = claim.job, time.monotonic()
        outcome = "lost"
        try:
            outcome = self._attempt(claim, turn)
        finally:
            seconds = time.monotonic() - began
            instruments().job_duration.labels(job.task, outcome).observe(seconds)
            logger.info("job %s (%s) attempt %s: %s in %.3f s", job.id, job.task, job.attempt, outcome, seconds)
        self._send_next(job)

    def _send_next(self, ended: Job) -> None:
        """Send the hint of a job that waited for the slot that is free now; what fails here, the next sweep does."""
        limits = {name: most for name, most in self._tasks.limits().items() if name == ended.task}
        try:
            publish_waiting(self._store, self._publisher, limits, [ended.queue])
        except AWAY as error:
            logger.warning("task %s: the database is away, the next sweep starts what waits: %s", ended.task, error)

    def _attempt(self, claim: Claim, turn: Turn) -> str:
        attempt = Attempt(claim)
        interruption = Interruption()
        watchdog = Watchdog(self._settings.job_lease_seconds * DEAF_LEASES if self.confined else 0)
        with (
            Heartbeat(attempt, self._store, self._settings, interruption, self._ending, watchdog, self._pulse),
            self._deadlines.until(attempt.deadline),
        ):
            try:
                self._handle(attempt, interruption, turn)
            except BaseException as error:
                outcome = self._end(attempt, error)
                if not isinstance(error, Exception):
                    raise
                return outcome
            return "succeeded"

    def _handle(self, attempt: Attempt, interruption: Interruption, turn: Turn) -> None:
        job = RunningJob(attempt, self._store, self._settings)
        max_bytes = self._settings.job_max_memory_bytes if self.confined else 0
        with memory_limit(max_bytes), interruption, self._app.app_context():
            result = self._tasks.get(attempt.job.task).run(job)
            text = "" if attempt.completed else result_text(result)
        if not attempt.completed:
            self._succeed(attempt, text, turn)

    def _succeed(self, attempt: Attempt, result: str, turn: Turn) -> None:
        def write() -> bool:
            succeeded = turn.succeed(attempt.lease, result)
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

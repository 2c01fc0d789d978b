"""What brings lost jobs back: runs beside every Celery worker, any number of them at once.

Each sweep ends attempts whose lease ran out, accepts the due runs of periodic jobs, publishes due jobs that
nobody published (a broker that was away, a retry, a `run_at`), publishes again where hints were lost, and
deletes what is kept no longer. A long queue is not a lost one: while hints wait in the broker's list, none of them
is sent again.

Failure policy: what is down now is tried again in the next sweep.
"""

import logging
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from flask_scale.jobs import failpoints
from flask_scale.jobs.contract import NO_LIMITS, JobStore
from flask_scale.jobs.hints import send_taken
from flask_scale.jobs.publisher import ENOUGH, Publisher
from flask_scale.jobs.schedule import Schedule, start_due
from flask_scale.jobs.slots import publish_waiting
from flask_scale.metrics.instruments import instruments
from flask_scale.settings import Settings

logger = logging.getLogger(__name__)

#: Jobs that one statement takes.
BATCH = 500

#: Batches that one sweep deletes of a kind; the rest waits for the next.
PURGE_BATCHES = 20

#: A hint that was not acted on for so many sweeps may be lost.
OVERDUE_SWEEPS = 3


class Reconciler:
    """Sweeps the jobs of the tasks that this Celery worker handles, and every lease."""

    def __init__(
        self,
        store: JobStore,
        publisher: Publisher,
        settings: Settings,
        *,
        worker: str,
        tasks: Sequence[str],
        queues: Sequence[str],
        schedules: Sequence[Schedule] = (),
        limits: Mapping[str, int] = NO_LIMITS,
    ) -> None:
        self._store = store
        self._settings = settings
        self._worker = worker
        self._tasks = tasks
        self._queues = queues
        self._schedules = schedules
        self._limits = limits
        self._unlimited = [task for task in tasks if task not in limits]
        self._publisher = publisher
        self._grace_seconds = settings.job_sweep_seconds * OVERDUE_SWEEPS

    def run(self, over: threading.Event, at_work: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        """Sweep until `over` is set, a little out of step with the other Celery workers; each within `at_work()`."""
        while not over.is_set():
            try:
                with at_work():
                    self.sweep()
            except SQLAlchemyError as error:
                logger.warning("the sweep did not reach the database: %s", error)
            except Exception:
                logger.exception("the sweep failed")
            over.wait(self._settings.job_sweep_seconds * random.uniform(0.9, 1.1))  # noqa: S311

    def sweep(self) -> None:
        """Look once for all that was lost."""
        self._store.see_worker(self._worker, self._tasks, self._queues)
        self._expire()
        start_due(self._store, self._settings, self._schedules)
        if self._publisher.waiting(self._queues[0]) is not None:
            self._publish_undispatched()
            publish_waiting(self._store, self._publisher, self._limits, self._queues)
            self._publish_overdue()
        self._purge()

    def forget(self) -> None:
        """Say that this Celery worker ended."""
        try:
            self._store.forget_worker(self._worker)
        except SQLAlchemyError as error:
            logger.warning("could not sign off: %s", error)

    def _expire(self) -> None:
        while expired := self._store.expire(BATCH):
            for job in expired:
                logger.warning("job %s (%s): its lease ran out, now %s", job.id, job.task, job.state)
                if job.started_at and job.finished_at:
                    # Whoever ran the attempt cannot count it. When it began is told of the first alone; none takes
                    # longer than its limit.
                    seconds = min((job.finished_at - job.started_at).total_seconds(), job.timeout_seconds)
                    instruments().job_duration.labels(job.task, job.state).observe(seconds)
            instruments().jobs_recovered.labels("lease").inc(len(expired))

    def _publish_undispatched(self) -> None:
        while hints := self._store.take_undispatched(self._unlimited, BATCH):
            failpoints.reach("sweep")
            if not send_taken(self._store, self._publisher, hints):
                return

    def _publish_overdue(self) -> None:
        # A hint that waits will have its turn, and the turn sends more. A job of a task with a limit waits for its own.
        for queue, due in self._store.overdue_queues(self._unlimited, self._grace_seconds).items():
            if self._publisher.waiting(queue) == 0:
                self._publish_again(self._unlimited, queue, min(due, ENOUGH))
        for queue in self._store.overdue_queues(list(self._limits), self._grace_seconds):
            self._publish_again(list(self._limits), queue, BATCH, alone=True)

    def _publish_again(self, tasks: Sequence[str], queue: str, limit: int, *, alone: bool = False) -> None:
        taken = self._store.take_overdue(tasks, queue, self._grace_seconds, limit)
        hints = [replace(hint, alone=alone) for hint in taken]
        if not hints:
            return
        logger.warning("queue %s: %d hints seem lost, sent again", queue, len(hints))
        instruments().jobs_recovered.labels("overdue").inc(len(hints))
        failpoints.reach("sweep")
        send_taken(self._store, self._publisher, hints)

    def _purge(self) -> None:
        _in_batches(self._store.purge_keys)
        if self._settings.job_keep_seconds:
            _in_batches(partial(self._store.purge, age_seconds=self._settings.job_keep_seconds))


def _in_batches(purge: Callable[[int], int]) -> None:
    for _ in range(PURGE_BATCHES):
        if purge(BATCH) < BATCH:
            return

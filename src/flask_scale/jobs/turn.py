"""What a process of the pool does for one hint: the job that it names, then others that are due in its queue.

A message's way through Celery costs as much as several short jobs, so that a hint is taken for what it says beside the
job's id: that something waits in this queue. A process ends one job and claims the next in one statement, for
`TURN_SECONDS`. Then it leaves the rest to others, with hints of its own.

Failure policy: fail open. What a turn that broke off leaves behind, a later hint finds, or the reconciler.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress

from flask_scale.jobs.contract import AWAY, Claim, JobStore
from flask_scale.jobs.job import Lease
from flask_scale.jobs.publisher import Publisher
from flask_scale.jobs.registry import TaskRegistry
from flask_scale.settings import Settings

logger = logging.getLogger(__name__)

#: For how long a turn begins one job after the other, in seconds. A hint of a queue that comes first waits so long.
TURN_SECONDS = 0.2

#: A turn that leaves jobs behind lets so many hints wait: more than the one that began it, so that soon every process
#: is awake, and no more, since whoever is free takes one.
WAKES = 2


class Turn:
    """Gives one claim after the other, each job to be ended before the next is asked for.

    Jobs of tasks with a limit are claimed by their own hints alone. Without a queue only the hint's job is.
    """

    def __init__(
        self,
        store: JobStore,
        publisher: Publisher,
        tasks: TaskRegistry,
        settings: Settings,
        *,
        worker: str,
        stopping: Callable[[], bool],
        queue: str | None,
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._handled = tasks.handled()
        self._limits = tasks.limits()
        self._unlimited = [task for task in self._handled if task not in self._limits]
        self._worker = worker
        self._lease_seconds = settings.job_lease_seconds
        self._stopping = stopping
        self._queue = queue
        self._over_at = time.monotonic() + TURN_SECONDS
        #: The end of a job has asked for the next already, and got this.
        self._asked = False
        self._taken: Claim | None = None

    def first(self, job_id: str) -> Claim | None:
        """The hint's job, or another where that one is not to be had."""
        try:
            claim = self._store.claim(
                job_id,
                tasks=self._handled,
                worker=self._worker,
                lease_seconds=self._lease_seconds,
                limits=self._limits,
            )
            if claim is None and self._queue is not None:
                claim = self._claim_next(self._queue)
            if claim is None:
                self._explain(job_id)
            return claim
        except AWAY as error:
            logger.warning("job %s: the database is away, its hint will come again: %s", job_id, error)
            return None

    def succeed(self, lease: Lease, result: str) -> bool:
        """End the job with its result, JSON text; False where the lease is lost."""
        if self._queue is None or self._is_over():
            with self._store.statement() as session:
                return self._store.succeed(session, lease, result)
        succeeded, self._taken = self._store.succeed_and_claim_next(
            lease,
            result,
            self._queue,
            tasks=self._unlimited,
            worker=self._worker,
            lease_seconds=self._lease_seconds,
        )
        self._asked = True
        return succeeded

    def next(self) -> Claim | None:
        """Another job, or None where the turn is over."""
        if self._asked:
            taken, self._asked, self._taken = self._taken, False, None
            return taken
        if self._queue is None:
            return None
        try:
            if not self._is_over():
                return self._claim_next(self._queue)
            if left := self._store.due(self._queue, self._unlimited, WAKES):
                self._publisher.publish(left, enough=WAKES)
        except AWAY as error:
            logger.warning("queue %s: the database is away, the next sweep goes on: %s", self._queue, error)
        return None

    def give_back(self) -> None:
        """Give back what was claimed and not asked for: the process ends in between."""
        if self._taken is not None:
            with suppress(*AWAY):  # Its lease does the rest.
                self._store.release(self._taken.lease)

    def _is_over(self) -> bool:
        return time.monotonic() >= self._over_at or self._stopping()

    def _claim_next(self, queue: str) -> Claim | None:
        return self._store.claim_next(
            queue, tasks=self._unlimited, worker=self._worker, lease_seconds=self._lease_seconds
        )

    def _explain(self, job_id: str) -> None:
        job = self._store.get(job_id)
        if job is not None and job.state == "queued" and job.task not in self._handled:
            logger.warning("job %s stays queued: this Celery worker has no handler for task %s", job_id, job.task)

"""One attempt as its threads see it: the handler works, the heartbeat watches, the first reason to stop stays."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from flask_scale.errors import JobCancelled, JobError, LeaseLost
from flask_scale.jobs.contract import Claim, Standing
from flask_scale.metrics.instruments import instruments


class Attempt:
    """What handler and heartbeat share about a claimed job."""

    def __init__(self, claim: Claim) -> None:
        self.job = claim.job
        self.lease = claim.lease
        self.claimed_at = claim.at
        self.deadline = time.monotonic() + claim.job.timeout_seconds
        #: True once the handler itself has written the job's end.
        self.completed = False
        self._reason: JobError | None = None
        self._transactions = 0
        self._lock = threading.Lock()

    @property
    def reason(self) -> JobError | None:
        """Why the handler has to stop, or None while it may go on."""
        return self._reason

    @property
    def holds_row(self) -> bool:
        """True while a transaction of the handler has the job's row locked: no one can take the lease then."""
        return self._transactions > 0

    def stop(self, reason: JobError) -> None:
        """Tell the handler to stop. The first reason stays, but a lost lease outdoes all others."""
        with self._lock:
            if self._reason is None or isinstance(reason, LeaseLost):
                self._reason = reason

    def check(self) -> None:
        """Raise the reason to stop, if there is one."""
        if self._reason is not None:
            raise self._reason

    def found(self, standing: Standing, operation: str) -> None:
        """Note what a fenced write found, and raise if it found a reason to stop."""
        self.note(standing, operation)
        self.check()

    def note(self, standing: Standing, operation: str) -> None:
        """Note what a fenced write found."""
        if standing == "lost":
            instruments().jobs_fenced.labels(operation).inc()
            self.stop(LeaseLost(f"job {self.job.id}: another attempt owns it, {operation} was rejected"))
        elif standing == "cancel":
            self.stop(JobCancelled(f"job {self.job.id}: someone asked to cancel it"))

    @contextmanager
    def holding_row(self) -> Iterator[None]:
        """Around a transaction that locks the job's row."""
        self._transactions += 1
        try:
            yield
        finally:
            self._transactions -= 1

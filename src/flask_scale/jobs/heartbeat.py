"""The heartbeat of a running job: renews its lease, and tells its handler when to stop."""

import logging
import time
from collections.abc import Callable

from flask_scale.errors import JobReleased, JobTimeout, LeaseLost
from flask_scale.jobs.attempt import Attempt
from flask_scale.jobs.bounds import Watchdog
from flask_scale.jobs.contract import JobStore
from flask_scale.jobs.interruption import Interruption
from flask_scale.jobs.pulse import Pulse
from flask_scale.settings import Settings

logger = logging.getLogger(__name__)

#: Most seconds between two looks at the clock and at the worker's end.
LOOK_SECONDS = 0.5

#: Seconds that a handler has for its clean-up before it is interrupted again.
PATIENCE_SECONDS = 5.0


def pulse_of(settings: Settings) -> Pulse:
    """A pulse that looks often enough."""
    return Pulse(min(LOOK_SECONDS, settings.job_heartbeat_seconds / 2))


class Heartbeat:
    """What `pulse` looks at for as long as the attempt lasts. A handler that does not let that thread run is watched.

    Failure policy: a database that does not answer, or cannot be asked for want of memory, is asked again; once the
    lease must have run out, the attempt counts as lost, since another may have begun. What ends the heartbeat itself
    ends the attempt, and its process where that may be: nobody would keep the lease.
    """

    def __init__(
        self,
        attempt: Attempt,
        store: JobStore,
        settings: Settings,
        interruption: Interruption,
        ending: Callable[[], bool],
        watchdog: Watchdog,
        pulse: Pulse,
    ) -> None:
        self._attempt = attempt
        self._store = store
        self._settings = settings
        self._interruption = interruption
        self._ending = ending
        self._watchdog = watchdog
        self._renewed_at = attempt.claimed_at
        self._next_renewal = self._renewed_at + settings.job_heartbeat_seconds
        self._next_interrupt = 0.0
        self._pulse = pulse
        self._over = False

    def __enter__(self) -> "Heartbeat":
        self._watchdog.pat()
        self._pulse.begin(self)
        return self

    def __exit__(self, *_exception: object) -> None:
        self._over = True
        self._pulse.end(self._settings.job_lease_seconds)
        self._watchdog.rest()

    def look(self) -> bool:
        """Do what is due; False where the attempt cannot be kept."""
        try:
            self._watchdog.pat()
            self._look(time.monotonic())
        except BaseException:
            try:
                logger.exception("job %s: its heartbeat failed, nobody keeps its lease", self._attempt.job.id)
                self._attempt.stop(LeaseLost(f"job {self._attempt.job.id}: its heartbeat failed"))
            finally:
                self._watchdog.bite()
            return False
        return True

    def _look(self, now: float) -> None:
        job = self._attempt.job
        if self._ending():
            self._attempt.stop(JobReleased(f"job {job.id}: the Celery worker ends"))
        if now >= self._attempt.deadline:
            self._attempt.stop(JobTimeout(f"job {job.id}: over its limit of {job.timeout_seconds:g} s"))
        if now >= self._next_renewal:
            self._renew(now)
        reason = self._attempt.reason
        if reason is not None and now >= self._next_interrupt:
            self._next_interrupt = now + PATIENCE_SECONDS
            self._interruption.interrupt(reason)

    def _renew(self, now: float) -> None:
        if self._attempt.holds_row:
            self._renewed_at = now
            return
        try:
            standing = self._store.renew(self._attempt.lease, self._settings.job_lease_seconds)
        except Exception as error:
            # Not the database's alone: at its limit of memory nothing in the process is sure to work.
            logger.warning("job %s: its heartbeat did not reach the database: %s", self._attempt.job.id, error)
            self._next_renewal = now + min(1.0, self._settings.job_heartbeat_seconds)
            if not self._attempt.holds_row and now - self._renewed_at > self._settings.job_lease_seconds:
                self._attempt.stop(
                    LeaseLost(f"job {self._attempt.job.id}: the database was away longer than the lease")
                )
            return
        if not (self._attempt.completed or self._over):
            self._attempt.note(standing, "heartbeat")
        self._renewed_at = now
        self._next_renewal = now + self._settings.job_heartbeat_seconds

"""The running job, as its handler sees it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.orm import Session

from flask_scale.errors import JobCancelled, PermanentJobError
from flask_scale.jobs import failpoints, jsontext
from flask_scale.jobs.attempt import Attempt
from flask_scale.jobs.contract import KEEP, JobStore
from flask_scale.settings import Settings

#: Least seconds between two writes of `progress`, and between two looks of `cancelled`.
WRITE_SECONDS = 0.5

#: Longest result, in bytes of JSON: whoever lists jobs reads it.
LONGEST_RESULT = 1_000_000


class RunningJob:
    """What a handler gets first. Everything it writes holds only while the attempt owns the job.

    `progress`, `transaction` and `save` raise `LeaseLost` (another attempt owns the job), `JobCancelled`,
    `JobTimeout` or `JobReleased` (the Celery worker ends): let these propagate.
    """

    def __init__(self, attempt: Attempt, store: JobStore, settings: Settings) -> None:
        self._attempt = attempt
        self._store = store
        self._settings = settings
        self._next_write = 0.0
        self._next_look = 0.0
        self._open: Session | None = None
        self.checkpoint: Any = attempt.job.checkpoint

    @property
    def id(self) -> str:
        """The job's id: hand it on as the idempotency key of calls to others."""
        return self._attempt.job.id

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1."""
        return self._attempt.job.attempt

    @property
    def args(self) -> dict[str, Any]:
        """The arguments as JSON."""
        return self._attempt.job.args

    @property
    def owner(self) -> str | None:
        """Whom the job belongs to."""
        return self._attempt.job.owner

    @property
    def cancelled(self) -> bool:
        """True once someone asked the job to stop; known within a second, within a transaction at its end."""
        if self._open is None and time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + WRITE_SECONDS
            self._attempt.note(self._store.renew(self._attempt.lease, self._settings.job_lease_seconds), "renew")
        return isinstance(self._attempt.reason, JobCancelled)

    def progress(self, done: int, total: int | None = None) -> None:
        """Show how far it is. Call it as often as you like: most calls write nothing.

        Within `transaction` it is part of that, and seen after its commit.
        """
        self._attempt.check()
        now = time.monotonic()
        if now < self._next_write and done != total:
            return
        self._next_write = now + WRITE_SECONDS
        if self._open is not None:
            self.save(self._open, done=done, total=total)
            return
        with self._store.transaction() as session:
            self.save(session, done=done, total=total)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A transaction whose effects are committed only while the job is ours; its row is locked first."""
        with self._attempt.holding_row(), self._store.transaction() as session:
            began = time.monotonic()
            self._attempt.found(self._store.hold(session, self._attempt.lease), "transaction")
            self._open = session
            try:
                yield session
            finally:
                self._open = None
            failpoints.reach("effect")
            if time.monotonic() - began > self._settings.job_heartbeat_seconds and not self._attempt.completed:
                self.save(session)
        if self._attempt.completed:
            failpoints.reach("completion.after")

    def save(
        self, session: Session, checkpoint: Any = KEEP, *, done: int | None = None, total: int | None = None
    ) -> None:
        """Write the checkpoint, and the progress where `done` is given, within `session`'s transaction.

        The next attempt finds the checkpoint of the last transaction that committed.
        """
        progress = None if done is None else {"done": done, "total": total}
        standing = self._store.save(
            session,
            self._attempt.lease,
            checkpoint=checkpoint,
            progress=progress,
            lease_seconds=self._settings.job_lease_seconds,
        )
        self._attempt.found(standing, "save")
        if checkpoint is not KEEP:
            self.checkpoint = checkpoint

    def complete(self, session: Session, result: Any = None) -> None:
        """End the job with its result within `session`'s transaction: effect and end are one, exactly once.

        Raises:
            PermanentJobError: JSON cannot carry the result, or it is too long.
        """
        self._attempt.check()
        if not self._store.succeed(session, self._attempt.lease, result_text(result)):
            self._attempt.found("lost", "complete")
        self._attempt.completed = True


def result_text(result: Any) -> str:
    """A handler's result as JSON text.

    Raises:
        PermanentJobError: JSON cannot carry it, or it is over `LONGEST_RESULT`.
    """
    try:
        found = jsontext.dump(result)
    except (TypeError, ValueError, RecursionError) as error:
        raise PermanentJobError(f"the result is not JSON: {error}") from error
    if len(found) > LONGEST_RESULT:
        raise PermanentJobError(
            f"the result is {len(found)} bytes of JSON, over {LONGEST_RESULT}: keep it elsewhere and return where"
        )
    return found

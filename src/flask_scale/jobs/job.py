"""What a job is to those who look at it: snapshots of its row and of its events."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal

JobState = Literal["queued", "running", "succeeded", "cancelled", "dead"]
STATES: tuple[JobState, ...] = ("queued", "running", "succeeded", "cancelled", "dead")

#: The states that a job leaves only by `requeue`.
FINISHED: frozenset[JobState] = frozenset({"succeeded", "cancelled", "dead"})


@dataclass(frozen=True)
class Job:
    """A job as its row was when it was read. It does not follow the row: read it again with `jobs.get`."""

    id: str
    task: str
    queue: str
    #: Who may see it; None is for operators only.
    owner: str | None
    #: While it is queued or running, the task has no other job with this key and owner.
    unique_key: str | None
    #: The fields of the task's `args` model, or {"args": [...], "kwargs": {...}} of a plain task.
    args: dict[str, Any]
    state: JobState
    #: Claims so far, a crashed one included.
    attempt: int
    max_attempts: int
    #: Seconds that one attempt may take.
    timeout_seconds: float
    #: {"done": int, "total": int | None}
    progress: dict[str, int | None] | None
    #: What the last finished step left for the next attempt.
    checkpoint: Any
    result: Any
    #: {"type", "message", "traceback"} of the last failed attempt.
    error: dict[str, str] | None
    cancel_requested: bool
    #: Raised by every change that a reader can see; give it to `jobs.wait`.
    version: int
    created_at: datetime
    #: Not run before this.
    run_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Job":
        """The job that a row of `COLUMNS` describes."""
        values = {column.name: row[column.name] for column in fields(cls)}
        return cls(**{**values, "id": str(row["id"])})

    @property
    def finished(self) -> bool:
        """True once it will not run again by itself."""
        return self.state in FINISHED

    def as_dict(self) -> dict[str, Any]:
        """JSON for clients: times in ISO 8601, and no traceback."""
        shown = {column.name: getattr(self, column.name) for column in fields(self)}
        for name, value in shown.items():
            if isinstance(value, datetime):
                shown[name] = value.isoformat()
        if self.error is not None:
            shown["error"] = {"type": self.error["type"], "message": self.error["message"]}
        return shown


@dataclass(frozen=True)
class NewJob:
    """What an enqueue writes."""

    task: str
    queue: str
    #: JSON text of the arguments.
    args: str
    owner: str | None
    max_attempts: int
    timeout_seconds: float
    #: None is at once.
    run_at: datetime | None
    #: Or so many seconds from now, by the store's clock.
    run_in: float
    unique_key: str | None
    #: The enqueuer means to publish the hint right after its commit.
    dispatched: bool
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True)
class JobEvent:
    """One line of a job's history. Events are only ever added."""

    #: enqueued, republished, claimed, retried, succeeded, dead, cancel_requested, cancelled,
    #: requeued, lease_expired, released.
    event: str
    attempt: int
    #: The Celery worker that it happened on.
    worker: str | None
    detail: Any
    at: datetime


@dataclass(frozen=True)
class Lease:
    """The right to write a job: its id and the fencing token of one attempt."""

    job_id: str
    token: str


@dataclass(frozen=True)
class Hint:
    """What a Celery message carries: which job, and how long its attempt may take before it is killed."""

    job_id: str
    queue: str
    timeout_seconds: float
    #: No other hint starts the job: it is never spared.
    alone: bool = False

    @classmethod
    def of(cls, job: Job, *, alone: bool = False) -> "Hint":
        """The hint for `job`."""
        return cls(job.id, job.queue, job.timeout_seconds, alone)


def valid_id(job_id: str) -> str | None:
    """The id in its normal form, or None where it cannot be one."""
    try:
        return str(uuid.UUID(job_id))
    except (ValueError, AttributeError, TypeError):
        return None

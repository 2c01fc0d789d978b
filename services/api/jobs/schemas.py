"""What goes in and out of /v1/jobs. Imports and exports answer with a `JobBody` too."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field

from flask_scale.jobs.job import Job, JobState
from services.api.schemas import Cursor, Limit, Schema


class JobPath(Schema):
    """Which job."""

    job_id: UUID


class JobQuery(Schema):
    """How long to wait for news."""

    wait: float = Field(0, ge=0, le=20, description="Seconds to wait until the job is another than `since`.")
    since: int | None = Field(None, ge=0, description="The `version` that you have seen; the present one if left out.")


class JobsQuery(Schema):
    """Which jobs."""

    state: JobState | None = None
    task: str | None = Field(None, max_length=200, json_schema_extra={"example": "users.import"})
    cursor: Cursor | None = None
    limit: Limit = 50


class Progress(Schema):
    """How far it is."""

    done: int
    total: int | None


class JobFailure(Schema):
    """Why the last attempt failed."""

    type: str
    message: str


class JobBody(Schema):
    """A job."""

    model_config = ConfigDict(extra="ignore")

    id: UUID
    task: str
    state: JobState
    attempt: int = Field(description="Attempts begun so far.")
    max_attempts: int
    progress: Progress | None
    result: Any = Field(description="What it came to, once it succeeded.")
    error: JobFailure | None
    cancel_requested: bool
    version: int = Field(description="Raised by each change; give it as `since` when you wait.")
    created_at: datetime
    run_at: datetime = Field(description="It begins no earlier.")
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, job: Job) -> "JobBody":
        """What a client sees of `job`."""
        return cls.model_validate(job.as_dict())


class JobPage(Schema):
    """Jobs, newest first."""

    items: list[JobBody]
    next: str | None = Field(None, description="The cursor of the next page; null at the end.")

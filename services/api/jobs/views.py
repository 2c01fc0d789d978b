"""/v1/jobs"""

from datetime import UTC, datetime
from uuid import UUID

from flask import Response

from services.api.access import needs, sees
from services.api.idempotency import idempotent
from services.api.jobs.schemas import JobBody, JobPage, JobPath, JobQuery, JobsQuery
from services.api.pagination import link_next, make_cursor, read_cursor
from services.api.problems import Problem
from services.api.resources import resource
from services.api.schemas import IdempotencyHeaders, problems
from services.domain.scale import scale

blueprint = resource("jobs", "Long work: imports and exports. Others' jobs are shown to `admin` only.")


@blueprint.get("", responses={200: JobPage})
@needs("jobs")
def list_jobs(query: JobsQuery) -> Response:
    """List jobs, newest first"""
    filters = {"state": query.state, "task": query.task}
    before = _position(read_cursor(query.cursor, **filters)) if query.cursor else None
    found = scale.jobs.list(sees(), state=query.state, task=query.task, limit=query.limit + 1, before=before)
    page, more = found[: query.limit], len(found) > query.limit
    cursor = make_cursor((page[-1].created_at.isoformat(), page[-1].id), **filters) if more else None
    return link_next(JobPage(items=[JobBody.of(job) for job in page], next=cursor).response(), cursor)


@blueprint.get("/<job_id>", responses={200: JobBody, **problems(404)})
@needs("jobs")
def read_job(path: JobPath, query: JobQuery) -> Response:
    """Read a job, or wait for news of it

    With `wait` the answer comes as soon as the job changes or has ended, at the latest after so many seconds.
    """
    return JobBody.of(scale.jobs.wait(str(path.job_id), query.wait, query.since, sees())).response()


@blueprint.post("/<job_id>/cancel", responses={202: JobBody, **problems(404, 409)})
@needs("jobs")
@idempotent()
def cancel_job(path: JobPath, header: IdempotencyHeaders) -> Response:
    """Ask a job to stop

    A queued one is cancelled at once, a running one at its next step. One that has ended otherwise is 409.
    """
    return JobBody.of(scale.jobs.cancel(str(path.job_id), sees(), scale.session)).response(202)


def _position(key: tuple[str, ...]) -> tuple[datetime, str]:
    try:
        created_at, job_id = key
        return datetime.fromisoformat(created_at).astimezone(UTC), str(UUID(job_id))
    except (ValueError, OverflowError) as error:
        raise Problem("cursor") from error

"""The user directory with one more task, whose effects show when they happen twice.

    flask-scale serve  "tests.faults.app:create_api()"
    flask-scale worker "tests.faults.app:create_worker()"

A step is a row of `steps`, a table without any key, written in the job's transaction. Import this module in such
processes only: it declares a task on the directory's own FlaskScale object.
"""

import time

from flask import Blueprint, Flask, Response, request, url_for
from pydantic import BaseModel
from sqlalchemy import text

from flask_scale.jobs.running import RunningJob
from services.api.access import needs, owner
from services.api.app import create_app as create_directory_api
from services.api.idempotency import idempotent
from services.api.jobs.schemas import JobBody
from services.domain.scale import scale
from services.worker.app import create_app as create_directory_worker
from tests.load.answers import STEPS_TASK

TAKE = text("INSERT INTO steps (job_id, step) VALUES (:job, :step)")


class StepsArgs(BaseModel):
    """How many steps, and what each takes, in seconds."""

    steps: int
    pause: float = 0.0
    #: For whoever looks for the job later.
    note: str = ""


#: Each fault may cost an attempt: as many as an import has.
take_steps = scale.declare_task(STEPS_TASK, args=StepsArgs, timeout=600, max_attempts=20)

blueprint = Blueprint("steps", __name__)


@blueprint.post("/v1/steps")
@needs("jobs")
@idempotent(required=True)
def create_steps() -> Response:
    args = StepsArgs.model_validate(request.get_json())
    job = take_steps.enqueue(session=scale.session, owner=owner(), **args.model_dump())
    return JobBody.of(job).response(202, {"Location": url_for("jobs.read_job", job_id=job.id)})


@take_steps.handler
def run(job: RunningJob, args: StepsArgs) -> None:
    """One transaction a step; the last one also ends the job."""
    for step in range(job.checkpoint or 0, args.steps):
        time.sleep(args.pause)
        with job.transaction() as session:
            session.execute(TAKE, {"job": job.id, "step": step})
            if step + 1 < args.steps:
                job.save(session, checkpoint=step + 1)
            else:
                job.complete(session, {"steps": args.steps})


def create_api() -> Flask:
    """The directory's API, with POST /v1/steps."""
    app = create_directory_api()
    app.register_blueprint(blueprint)
    return app


def create_worker() -> Flask:
    """The directory's Celery worker, with the task's handler."""
    return create_directory_worker()

"""An app with tasks of every temper: steady, slow, deaf, failing and poisonous."""

import os
import time
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import text

from flask_scale import FlaskScale
from flask_scale.errors import JobCancelled, LeaseLost, PermanentJobError
from flask_scale.jobs.running import RunningJob

scale = FlaskScale()


@scale.task()
def add(job: RunningJob, left: int, right: int) -> int:
    return left + right


@scale.task()
def ordinary(job: RunningJob) -> None:
    """Waits in the queue default."""


@scale.task(queue="urgent")
def urgent(job: RunningJob) -> None:
    """Waits in a queue of its own."""


@scale.task(max_running=1)
def single_file(job: RunningJob, pause: float) -> None:
    time.sleep(pause)


@scale.task(timeout=60)
def held(job: RunningJob, until: str) -> None:
    """Keeps its process busy until there is a file of that name."""
    while not Path(until).exists():
        time.sleep(0.05)


@scale.task(cron="0 0 1 1 *", time_zone="Europe/Paris")
def yearly(job: RunningJob) -> None:
    """At the stroke of the year."""


@scale.task(timeout=60)
def effect(job: RunningJob) -> None:
    """One row, committed with the job's end."""
    with job.transaction() as session:
        session.execute(text("INSERT INTO effects (job_id, step) VALUES (:id, 0)"), {"id": job.id})
        job.complete(session, {"done": True})


@scale.task(timeout=60)
def steps(job: RunningJob, count: int, pause: float) -> dict[str, Any]:
    """One effect a step, each with its checkpoint."""
    began = job.checkpoint or 0
    for step in range(began, count):
        time.sleep(pause)
        with job.transaction() as session:
            session.execute(
                text("INSERT INTO effects (job_id, step) VALUES (:id, :step)"), {"id": job.id, "step": step}
            )
            job.save(session, checkpoint=step + 1, done=step + 1, total=count)
    return {"began": began, "attempt": job.attempt}


@scale.task(timeout=60)
def polite(job: RunningJob) -> None:
    while not job.cancelled:
        time.sleep(0.05)
    raise JobCancelled


@scale.task(timeout=60)
def deaf(job: RunningJob) -> None:
    time.sleep(60)


@scale.task(timeout=0.5, max_attempts=1)
def endless(job: RunningJob) -> None:
    while True:
        sum(range(1000))


@scale.task(timeout=60)
def stale(job: RunningJob, marker: str) -> str:
    """Goes on after its lease was lost, and notes which of its writes were refused."""
    if job.attempt > 1:
        return "second"
    Path(marker).write_text("begun")
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        try:
            time.sleep(0.1)
        except LeaseLost:
            break
    try:
        with job.transaction() as session:
            session.execute(text("INSERT INTO effects (job_id, step) VALUES (:id, 99)"), {"id": job.id})
    except LeaseLost:
        Path(marker).write_text("rejected")
        raise
    return "first"


@scale.task(max_attempts=3)
def flaky(job: RunningJob) -> int:
    if job.attempt < 3:
        raise ValueError(f"attempt {job.attempt}")
    return job.attempt


@scale.task(max_attempts=2)
def failing(job: RunningJob) -> None:
    raise ValueError("always\0this")


@scale.task(max_attempts=5)
def hopeless(job: RunningJob) -> None:
    raise PermanentJobError("the file has no header")


@scale.task(max_attempts=2)
def crash(job: RunningJob) -> None:
    os._exit(1)


@scale.task(max_attempts=2)
def not_json(job: RunningJob) -> object:
    return object()


class Unpicklable(Exception):
    def __init__(self, one: object, two: object) -> None:
        super().__init__("cannot be pickled")
        self.one = one

    def __reduce__(self) -> Any:
        raise TypeError("no")


@scale.task(max_attempts=1)
def unpicklable(job: RunningJob) -> None:
    raise Unpicklable(lambda: None, 2)


def create_app() -> Flask:
    app = Flask(__name__)
    scale.init_app(app)
    return app


def create_app_without_handlers() -> Flask:
    app = Flask(__name__)
    FlaskScale(app)
    return app

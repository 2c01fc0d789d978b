"""Durable jobs: accepted in the caller's transaction, run at least once, their effects written exactly once.

`task.py` what can be asked for; `client.py` how an app asks; `postgres.py` the truth; `publisher.py` the
hints; `turn.py` what a process runs for one of them; `runner.py` an attempt; `reconciler.py` what brings lost jobs
back; `worker.py` the Celery worker.
"""

from flask import Flask

from flask_scale.jobs import failpoints
from flask_scale.jobs.client import Jobs
from flask_scale.jobs.collector import queue_collector
from flask_scale.jobs.job import FINISHED, STATES, Job, JobEvent, JobState
from flask_scale.jobs.postgres import PostgresJobStore
from flask_scale.jobs.registry import TaskRegistry
from flask_scale.jobs.task import Task
from flask_scale.state import State

__all__ = [
    "FINISHED",
    "STATES",
    "Job",
    "JobEvent",
    "JobState",
    "Jobs",
    "Task",
    "TaskRegistry",
    "init_app",
    "queue_collector",
]


def init_app(app: Flask, state: State) -> None:
    """Build the jobs where there is a database."""
    if state.database is None:
        state.parts["jobs"] = "off: FLASK_SCALE_DATABASE_URL is not set"
        return
    failpoints.use(state.settings.failpoints)
    state.jobs = Jobs(PostgresJobStore(state.database), state.settings)
    if state.settings.broker_url is None:
        state.parts["jobs"] = "on, but jobs wait: FLASK_SCALE_BROKER_URL is not set, so no Celery worker hears of them"
    else:
        state.parts["jobs"] = "on"

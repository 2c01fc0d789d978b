"""Jobs on real servers: an app that enqueues, and Celery workers that run, with short leases."""

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from flask import Flask
from sqlalchemy import text

from flask_scale import FlaskScale
from flask_scale.dev.app import Worker
from flask_scale.dev.process import free_port
from flask_scale.jobs import Job
from flask_scale.settings import load_settings
from tests.support.apps import jobs as tasks

#: Short enough for a test, and in the same proportions as the defaults.
TIMES = {
    "FLASK_SCALE_JOB_LEASE_SECONDS": "3",
    "FLASK_SCALE_JOB_HEARTBEAT_SECONDS": "0.5",
    "FLASK_SCALE_JOB_SWEEP_SECONDS": "0.5",
    "FLASK_SCALE_JOB_BACKOFF_BASE_SECONDS": "0.1",
    "FLASK_SCALE_GRACEFUL_TIMEOUT_SECONDS": "2",
}

#: Longest wait for anything, in seconds; a passing test needs a fraction of it.
LONGEST_WAIT = 60.0


def wait_for(what: Callable[[], object], seconds: float = LONGEST_WAIT) -> None:
    """Look until it is true.

    Raises:
        AssertionError: it was not within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


class Farm:
    """One database and broker, the tasks of tests/support/apps/jobs.py, and any number of Celery workers."""

    def __init__(self, database_url: str, broker_url: str, folder: Path, **settings: str) -> None:
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("FLASK_SCALE_")},
            **TIMES,
            "FLASK_SCALE_DATABASE_URL": database_url,
            "FLASK_SCALE_BROKER_URL": broker_url,
            "FLASK_SCALE_LOG_FORMAT": "console",
            **{f"FLASK_SCALE_{name.upper()}": value for name, value in settings.items()},
        }
        self._folder = folder
        self._workers = ExitStack()
        self._scale = FlaskScale(settings=load_settings(environ=self.environment))
        self._scale.tasks = tasks.scale.tasks
        self.app = Flask("farm")
        self._scale.init_app(self.app)
        self._context = self.app.app_context()
        self.jobs = self.app.extensions["flask_scale"].jobs
        self.database = self.app.extensions["flask_scale"].database

    def __enter__(self) -> "Farm":
        self._context.push()
        with self.database.transaction() as session:
            session.execute(text("CREATE TABLE effects (job_id uuid, step integer)"))
        return self

    def __exit__(self, *_exception: object) -> None:
        self._workers.close()
        self._context.pop()
        self.jobs.close()
        self.database.close()

    def worker(self, factory: str = "create_app", **settings: str) -> Worker:
        """A Celery worker that is ready; ended with the farm."""
        port = free_port()
        worker = Worker(
            f"worker {port}",
            self._folder / f"worker-{port}.log",
            factory if ":" in factory else f"tests.support.apps.jobs:{factory}()",
            {**self.environment, **{f"FLASK_SCALE_{name.upper()}": value for name, value in settings.items()}},
            internal_port=port,
        )
        self._workers.callback(worker.kill)
        worker.start()
        return worker

    def effects(self, job: Job) -> list[int]:
        """The steps that the job's attempts have committed, in order."""
        with self.database.transaction() as session:
            rows = session.execute(text("SELECT step FROM effects WHERE job_id = :id ORDER BY step"), {"id": job.id})
            return [step for (step,) in rows]

    def ended(self, job: Job) -> Job:
        """The job once it will not run again by itself."""
        wait_for(lambda: self.jobs.get(job.id).finished)
        return self.jobs.get(job.id)

    def history(self, job: Job) -> list[str]:
        """The job's events by name."""
        return [event.event for event in self.jobs.events(job.id)]

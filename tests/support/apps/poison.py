"""The tasks of jobs.py and worse ones: each harms the process that runs it, or what it needs."""

import ctypes
import itertools
import os
import signal
import sys
import time

from flask import Flask
from sqlalchemy import text

from flask_scale.jobs.running import RunningJob
from tests.support.apps.jobs import scale

#: What `greedy` takes at most, so that a missing limit harms no one. In MiB.
GREED = 1024


@scale.task(timeout=60)
def healthy(job: RunningJob, seconds: float) -> None:
    """Waits as long as its work takes, then writes one row with its end."""
    time.sleep(seconds)
    with job.transaction() as session:
        session.execute(text("INSERT INTO effects (job_id, step) VALUES (:id, 0)"), {"id": job.id})
        job.complete(session)


@scale.task(max_attempts=2)
def killed(job: RunningJob) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@scale.task(max_attempts=2)
def segfault(job: RunningJob) -> None:
    ctypes.string_at(0)


@scale.task(max_attempts=2)
def leaves(job: RunningJob) -> None:
    """Ends its process as if all were well."""
    os._exit(0)


@scale.task(max_attempts=2)
def terminated(job: RunningJob) -> None:
    """Looks like a Celery worker's end."""
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(30)


@scale.task(max_attempts=2)
def exits(job: RunningJob) -> None:
    sys.exit("nothing to do")


@scale.task(max_attempts=1, timeout=0.5)
def stubborn(job: RunningJob) -> None:
    """Goes on whatever it is told."""
    while True:
        try:
            time.sleep(0.1)
        except BaseException:
            continue


@scale.task(max_attempts=1, timeout=600)
def selfish(job: RunningJob) -> None:
    """Lets no other thread of its process run."""
    sum(itertools.repeat(0))


@scale.task(max_attempts=2)
def greedy(job: RunningJob) -> int:
    return len([bytearray(1024 * 1024) for _ in range(GREED)])


@scale.task(max_attempts=2)
def enormous(job: RunningJob) -> str:
    return "x" * 5_000_000


@scale.task(max_attempts=2)
def cuts_connection(job: RunningJob) -> None:
    with job.transaction() as session:
        session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


@scale.task(max_attempts=2)
def closes_connection(job: RunningJob) -> None:
    with job.transaction() as session:
        session.connection().connection.dbapi_connection.close()
        session.execute(text("SELECT 1"))


def create_app() -> Flask:
    app = Flask(__name__)
    scale.init_app(app)
    return app

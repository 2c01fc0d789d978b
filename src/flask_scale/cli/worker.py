"""`flask-scale worker`: run an app's tasks on a Celery worker."""

import os
import sys

import click

from flask_scale.metrics import multiprocess
from flask_scale.revisions import wait_until_applied
from flask_scale.server import memory
from flask_scale.settings import PREFIX, load_settings


@click.command("worker")
@click.argument("app")
@click.option("--queues", metavar="NAMES", help="Queues to serve, by comma, first first. [FLASK_SCALE_WORKER_QUEUES]")
@click.option("--concurrency", type=click.IntRange(1), help="Jobs run at once. [FLASK_SCALE_WORKER_CONCURRENCY]")
@click.option(
    "--pool",
    type=click.Choice(["prefork", "threads", "solo"]),
    help="prefork for CPU-bound tasks and full protection, threads for I/O-bound ones, solo for a debugger. "
    "[FLASK_SCALE_WORKER_POOL]",
)
def command(app: str, queues: str | None, concurrency: int | None, pool: str | None) -> None:
    """Run the tasks of APP on a Celery worker.

    APP is `module:app` or `module:create_app()`, the same app that enqueues, or one that imports the handlers.
    An app that knows nothing of flask_scale has no tasks: its worker waits for none.
    It needs FLASK_SCALE_DATABASE_URL and FLASK_SCALE_BROKER_URL. /livez, /readyz and /metrics are on
    FLASK_SCALE_WORKER_INTERNAL_BIND. SIGTERM lets running jobs finish.

    \b
    Examples:
      flask-scale worker "myapp:create_app()"
      flask-scale worker myapp:app --queues urgent,default --concurrency 4
    """
    for name, value in {"QUEUES": queues, "CONCURRENCY": concurrency, "POOL": pool}.items():
        if value is not None:
            os.environ[f"{PREFIX}WORKER_{name}"] = str(value)
    wait_until_applied(load_settings())
    memory.hold()
    # What Celery runs again at SIGHUP; `sys.argv` has lost the interpreter's own words, such as -m.
    sys.argv = sys.orig_argv[1:]
    folder = multiprocess.enable()
    try:
        from flask_scale.extension import FlaskScale
        from flask_scale.jobs.worker import run_worker
        from flask_scale.loading import load_app

        loaded = load_app(app)
        FlaskScale(loaded)
        memory.share()
        sys.exit(run_worker(loaded))
    finally:
        multiprocess.remove(folder)

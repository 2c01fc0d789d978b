"""The Celery worker: Celery's own program in this process, with what durable jobs need around it.

The main process consumes hints and has two threads, the reconciler and the internal port. Handlers run in
the pool: prefork children by default, so that one crash costs one job's attempt and nothing else.

SIGTERM: no more hints; running jobs have `graceful_timeout_seconds` to finish, then each is told to stop and
given back (`JobReleased`), and another Celery worker goes on from its checkpoint. What does not stop even
then loses its lease when the process is killed.
"""

import logging
import mmap
import os
import socket
import threading
import warnings
from collections.abc import Callable
from typing import Any

from billiard.process import current_process
from celery import signals
from celery.exceptions import SecurityWarning
from flask import Flask

from flask_scale import board
from flask_scale.errors import NotConfigured, SettingsError
from flask_scale.fork import after_fork
from flask_scale.jobs import liveness
from flask_scale.jobs.consumer import BeatStep
from flask_scale.jobs.deadlines import Deadlines
from flask_scale.jobs.internal import InternalServer
from flask_scale.jobs.publisher import RUN_JOB, Publisher
from flask_scale.jobs.quiet_fork import QuietFork
from flask_scale.jobs.reconciler import Reconciler
from flask_scale.jobs.runner import Runner
from flask_scale.logging import configure
from flask_scale.metrics import multiprocess
from flask_scale.state import state_of

logger = logging.getLogger(__name__)

#: Longest wait of the reconciler for the broker, in seconds: no request waits for it.
BROKER_TIMEOUT_SECONDS = 2.0

#: How long the threads may take to end, in seconds.
END_SECONDS = 5.0

#: Seconds between two looks at the pool's deadlines.
ENFORCE_SECONDS = 1.0

#: What the pool's processes see of the end: told to, and out of time.
STOPPING, GRACE_OVER = 1, 2


class WorkerProgram:
    """One Celery worker of an app, from its start to its end."""

    def __init__(self, app: Flask) -> None:
        state = state_of(app)
        if state.jobs is None or state.tasks is None:
            raise NotConfigured("no jobs without a database: set FLASK_SCALE_DATABASE_URL")
        self._app = app
        self._state = state
        self._settings = state.settings
        self._celery = state.jobs.celery
        self._queues = [name.strip() for name in state.settings.worker_queues.split(",") if name.strip()]
        self._name = f"flask-scale-{os.getpid()}@{socket.gethostname()}"
        self._tasks = state.tasks.handled()
        self._over = threading.Event()
        self._ending = mmap.mmap(-1, 1)
        self._quiet = QuietFork()
        self._deadlines = Deadlines(state.settings.worker_concurrency)
        self._runner = Runner(
            app,
            worker=self._name,
            ending=lambda: self._ending[0] == GRACE_OVER,
            stopping=lambda: self._ending[0] >= STOPPING,
            deadlines=self._deadlines,
        )
        self._reconciler = Reconciler(
            state.jobs.store,
            Publisher(state.settings.broker_url, timeout_seconds=BROKER_TIMEOUT_SECONDS),
            state.settings,
            worker=self._name,
            tasks=self._tasks,
            queues=self._queues,
            schedules=state.tasks.schedules(),
            limits=state.tasks.limits(),
        )

    def run(self) -> int:
        """Work until SIGTERM or SIGINT; gives the exit code."""
        if not self._tasks:
            logger.warning("the app has no task handlers: every job stays queued; import the module with your @task")
        board.use(board.Board(rows=self._settings.worker_concurrency + 1))
        self._internal = self._bind_internal()
        self._celery.task(name=RUN_JOB, ignore_result=True, bind=True)(_runs_jobs_by(self._runner))
        self._celery.steps["consumer"].add(BeatStep)
        self._connect_signals()
        self._internal.start()
        sweeps = threading.Thread(target=self._sweep, name="reconciler", daemon=True)
        sweeps.start()
        threading.Thread(target=self._enforce, name="deadlines", daemon=True).start()
        try:
            return self._consume()
        finally:
            self._over.set()
            sweeps.join(END_SECONDS)
            self._reconciler.forget()
            self._internal.shutdown()

    def _bind_internal(self) -> InternalServer:
        bind = self._settings.worker_internal_bind
        try:
            return InternalServer(bind, self._state, liveness.current, self._quiet)
        except OSError as error:
            raise SettingsError(f"FLASK_SCALE_WORKER_INTERNAL_BIND={bind}: {error.strerror}") from error

    def _consume(self) -> int:
        worker = self._celery.Worker(
            hostname=self._name,
            pool=self._settings.worker_pool,
            concurrency=self._settings.worker_concurrency,
            queues=self._queues,
            loglevel=self._settings.log_level,
            without_gossip=True,
            without_mingle=True,
            quiet=True,
        )
        logger.info("Celery worker %s, queues %s, tasks %s", self._name, self._queues, self._tasks)
        worker.start()
        return int(worker.exitcode or 0)

    def _sweep(self) -> None:
        self._reconciler.run(self._over, self._quiet.at_work)

    def _enforce(self) -> None:
        """Apart from the sweeps, which wait for the database."""
        while not self._over.wait(ENFORCE_SECONDS):
            with self._quiet.at_work():
                self._deadlines.enforce()

    def _connect_signals(self) -> None:
        signals.setup_logging.connect(self._on_setup_logging)
        if self._settings.worker_pool == "prefork":
            signals.worker_process_init.connect(self._on_child)
        signals.worker_shutting_down.connect(self._on_shutdown)

    def _on_setup_logging(self, **_signal: Any) -> None:
        configure(self._settings)
        for name in ("celery.worker.strategy", "celery.app.trace"):
            # Celery's lines about hints; the runner writes one about each attempt.
            logging.getLogger(name).setLevel(logging.WARNING)

    def _on_child(self, **_signal: Any) -> None:
        """First thing in a prefork child: connections, counters and gauges of its own."""
        index = getattr(current_process(), "index", 0)
        multiprocess.attach(index)
        board.current.attach(index + 1)
        self._deadlines.attach(index)
        self._internal.socket.close()
        self._runner.confined = True
        after_fork(self._app)

    def _on_shutdown(self, **_signal: Any) -> None:
        liveness.current.ready = False
        self._ending[0] = max(self._ending[0], STOPPING)
        threading.Thread(target=self._release_late, name="grace period", daemon=True).start()

    def _release_late(self) -> None:
        if not self._over.wait(self._settings.graceful_timeout_seconds):
            logger.warning("the grace period is over: running jobs are given back")
            self._ending[0] = GRACE_OVER


def _runs_jobs_by(runner: Runner) -> Callable[[Any, str], None]:
    """The Celery task, as a plain function: a method cannot be bound to the task as well."""

    def run_job(task: Any, job_id: str) -> None:
        runner.run(job_id, task.request.delivery_info["routing_key"])

    return run_job


def run_worker(app: Flask) -> int:
    """Run a Celery worker of `app` until it is told to end; gives the exit code.

    Raises:
        NotConfigured: no database_url or no broker_url.
    """
    # Celery warns of root since a pickle could run anything; this worker takes JSON only.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    return WorkerProgram(app).run()

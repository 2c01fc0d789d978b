"""How fast each queue drains, and at what price: jobs a second, and CPU time a job of its workers and the stores."""

import math
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import redis

from benchmarks.blocks import Block
from benchmarks.contender import PYTHON, cpu_seconds
from benchmarks.generator import Told
from benchmarks.stores import Stores
from flask_scale.dev.process import Process
from flask_scale.errors import DevStackError

#: Processes of each worker; PgQueuer's has one.
PROCESSES = "2"

BIN = Path(sys.executable).parent
MODULES = "benchmarks.queues"

#: What jobs count up; benchmarks/queues has it too, where no library of ours is imported.
COUNTER = "done"

#: What is measured of a drain: from this share of the jobs done to that one, past the starts and the stragglers.
BEGIN, END = 0.1, 0.9

#: Longest drain, in seconds.
LONGEST_SECONDS = 180.0


@dataclass(frozen=True)
class Queue:
    """A name in the table, the module that enqueues, and the words that start its worker ({broker} is filled in)."""

    name: str
    module: str
    worker: Sequence[str]
    #: An argument with which the module makes the tables that it needs.
    schema: str | None = None


CELERY = (str(BIN / "celery"), "-A")
CELERY_OPTIONS = ("-c", PROCESSES, "--loglevel", "warning")
OURS = "flask_scale"
CELERY_DEFAULTS, CELERY_LATE, DRAMATIQ = "Celery, defaults", "Celery, acks late, results in PostgreSQL", "Dramatiq"

QUEUES: Sequence[Queue] = (
    Queue(CELERY_DEFAULTS, "celery_default", (*CELERY, f"{MODULES}.celery_default", "worker", *CELERY_OPTIONS)),
    Queue(CELERY_LATE, "celery_late", (*CELERY, f"{MODULES}.celery_late", "worker", "-Q", "late", *CELERY_OPTIONS)),
    Queue(DRAMATIQ, "dramatiq_redis", (str(BIN / "dramatiq"), f"{MODULES}.dramatiq_redis", "-p", PROCESSES, "-t", "1")),
    Queue("RQ", "rq_redis", (str(BIN / "rq"), "worker-pool", "-n", PROCESSES, "--url", "{broker}", "--quiet")),
    Queue(
        "Huey",
        "huey_redis",
        (str(BIN / "huey_consumer"), f"{MODULES}.huey_redis.huey", "-w", PROCESSES, "-k", "process"),
    ),
    Queue(
        "Procrastinate",
        "procrastinate_pg",
        (str(BIN / "procrastinate"), "--app", f"{MODULES}.procrastinate_pg.app", "worker", "--concurrency", PROCESSES),
        schema="schema",
    ),
    Queue("PgQueuer", "pgqueuer_pg", (str(BIN / "pgq"), "run", f"{MODULES}.pgqueuer_pg:main"), schema="schema"),
    Queue(OURS, "ours", (PYTHON, "-m", "flask_scale", "worker", f"{MODULES}.ours:app", "--concurrency", PROCESSES)),
)


class Worker(Process):
    """The worker of one queue, on the servers' CPU."""

    def __init__(self, queue: Queue, stores: Stores, folder: Path) -> None:
        super().__init__(queue.name, folder / f"{queue.module}.log")
        self._queue = queue
        self._stores = stores

    def command(self) -> Sequence[str]:
        return [word.format(broker=self._stores.broker_url) for word in self._queue.worker]

    def environment(self) -> Mapping[str, str]:
        return self._stores.environment()

    def is_ready(self) -> bool:
        return True


def drain(queue: Queue, stores: Stores, folder: Path, count: int, tell: Callable[[str], None]) -> Block:
    """Enqueue `count` jobs, start the worker, and look how they get done; a request is a job here.

    Raises:
        DevStackError: the worker ended, or did not get on.
    """
    counter = redis.Redis.from_url(stores.cache_url)
    counter.delete(COUNTER)
    # What POST /jobs has left there, or another queue.
    redis.Redis.from_url(stores.broker_url).flushall()
    tell(f"{queue.name}: enqueue")
    _run(queue, str(count), stores)
    tell(queue.name)
    worker = Worker(queue, stores, folder)
    processes = [worker, *stores.processes]
    try:
        worker.start()
        begun = _reach(counter, int(BEGIN * count), worker)
        spent, first = cpu_seconds(processes), _done(counter)
        ended = _reach(counter, int(END * count), worker)
        spent, jobs = cpu_seconds(processes) - spent, _done(counter) - first
        _reach(counter, count, worker)
    finally:
        worker.stop()
    return Block(Told(jobs, ended - begun, math.nan, math.nan, 0), 1e6 * spent / jobs)


def make_schema(queue: Queue, stores: Stores) -> None:
    """Make the tables of a queue that has some."""
    if queue.schema is not None:
        _run(queue, queue.schema, stores)


def _run(queue: Queue, argument: str, stores: Stores) -> None:
    command = [PYTHON, "-m", f"{MODULES}.{queue.module}", argument]
    ended = subprocess.run(command, env=stores.environment(), capture_output=True, text=True)
    if ended.returncode:
        raise DevStackError(f"{queue.name}: {ended.stderr[-2000:]}")


def _reach(counter: redis.Redis, count: int, worker: Worker) -> float:
    """When so many were done."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while (done := _done(counter)) < count:
        if not worker.running or time.monotonic() > deadline:
            raise DevStackError(f"{worker.name} did {done} of {count} jobs: see {worker.log}")
        time.sleep(0.01)
    return time.monotonic()


def _done(counter: redis.Redis) -> int:
    return int(counter.get(COUNTER) or 0)  # type: ignore[arg-type]

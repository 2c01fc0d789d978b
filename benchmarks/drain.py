"""How fast each queue drains, and at what price: jobs a second, and CPU time a job of its workers and the stores.

Each runs two jobs at once, tells of warnings alone, and has a database of its own. All jobs are there before the
worker starts; what counts is from a tenth of them done to nine tenths, so that no start is measured.
"""

import math
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import redis

from benchmarks.blocks import Block, Spent
from benchmarks.contender import PYTHON, TOLD_OF_LOG, end_of_log
from benchmarks.generator import Told
from benchmarks.stores import Stores
from flask_scale.dev.process import Process, free_port
from flask_scale.errors import DevStackError

#: Jobs that each runs at once.
AT_ONCE = 2
PROCESSES = str(AT_ONCE)

BIN = Path(sys.executable).parent
MODULES = "benchmarks.queues"

#: What jobs count up; benchmarks/queues has it too, where no library of ours is imported.
COUNTER = "done"

#: What is measured of a drain: from this share of the jobs done to that one, past the starts and the stragglers.
BEGIN, END = 0.1, 0.9

#: Longest time to enqueue, and longest until each of a drain's marks, in seconds.
LONGEST_SECONDS = 180.0

#: Between two looks at the counter.
POLL_SECONDS = 0.01


@dataclass(frozen=True)
class Queue:
    """A name in the table, the module that enqueues, and the words that start its worker ({broker} is filled in)."""

    name: str
    module: str
    worker: Sequence[str]
    #: An argument with which the module makes the tables that it needs.
    schema: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    #: How many such workers run `AT_ONCE` jobs together.
    workers: int = 1


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
        (str(BIN / "huey_consumer"), f"{MODULES}.huey_redis.huey", "-w", PROCESSES, "-k", "process", "--quiet"),
    ),
    Queue(
        "Procrastinate",
        "procrastinate_pg",
        (
            *(str(BIN / "procrastinate"), "--log-level", "warning", "--app", f"{MODULES}.procrastinate_pg.app"),
            *("worker", "--concurrency", PROCESSES),
        ),
        schema="schema",
    ),
    Queue(
        "PgQueuer",
        "pgqueuer_pg",
        (PYTHON, "-m", f"{MODULES}.pgqueuer_pg", "work"),
        schema="schema",
        workers=AT_ONCE,
    ),
    Queue(
        OURS,
        "ours",
        (PYTHON, "-m", "flask_scale", "worker", f"{MODULES}.ours:app", "--concurrency", PROCESSES),
        environment={"FLASK_SCALE_LOG_LEVEL": "WARNING"},
    ),
)


class Worker(Process):
    """A worker of one queue, on the servers' CPU."""

    def __init__(self, queue: Queue, stores: Stores, folder: Path, number: int = 0) -> None:
        super().__init__(queue.name, folder / f"{queue.module}-{number}.log")
        self._queue = queue
        self._stores = stores

    def command(self) -> Sequence[str]:
        return [word.format(broker=self._stores.broker.url) for word in self._queue.worker]

    def environment(self) -> Mapping[str, str]:
        internal = {"FLASK_SCALE_WORKER_INTERNAL_BIND": f"127.0.0.1:{free_port()}"}
        return {**self._stores.environment(), **internal, **self._queue.environment}

    def is_ready(self) -> bool:
        return True


class Mark(NamedTuple):
    """A moment of a drain."""

    clock: float
    done: int
    spent: Spent


class Drain:
    """Drains of one queue, each like the others, in a database of their own."""

    def __init__(self, queue: Queue, stores: Stores, folder: Path) -> None:
        self._queue = queue
        self._shared = stores
        self._folder = folder
        self._counter = redis.Redis.from_url(stores.cache.url)
        self._stores: Stores | None = None

    def run(self, count: int) -> Block:
        """Enqueue `count` jobs, start the workers, and look how they get done; a request is a job here.

        Raises:
            DevStackError: the queue's own program failed, or the jobs did not get done, or some of them twice.
        """
        stores = self._prepared()
        self._counter.delete(COUNTER)
        # What another queue has left there.
        redis.Redis.from_url(stores.broker.url).flushall()
        self._call(str(count), stores)
        workers = [Worker(self._queue, stores, self._folder, number) for number in range(self._queue.workers)]
        with ExitStack() as stack:
            for worker in workers:
                stack.callback(worker.stop)
                worker.start()
            begun = self._mark(int(BEGIN * count), workers)
            ended = self._mark(int(END * count), workers)
            last = self._mark(count, workers)
        if last.done > count:
            raise DevStackError(f"{self._queue.name} did {last.done} of {count} jobs: some twice")
        told = Told(ended.done - begun.done, ended.clock - begun.clock, math.nan, math.nan, 0)
        return ended.spent.block(begun.spent, told)

    def _prepared(self) -> Stores:
        if self._stores is None:
            stores = self._shared.with_database(self._queue.module)
            if self._queue.schema is not None:
                self._call(self._queue.schema, stores)
            self._stores = stores
        return self._stores

    def _call(self, argument: str, stores: Stores) -> None:
        """The queue's module as a program."""
        command = [PYTHON, "-m", f"{MODULES}.{self._queue.module}", argument]
        environment = {**stores.environment(), **self._queue.environment}
        try:
            ended = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise DevStackError(f"{self._queue.name} {argument} took over {LONGEST_SECONDS:g} s") from None
        if ended.returncode:
            raise DevStackError(f"{self._queue.name} {argument}: {ended.stderr[-TOLD_OF_LOG:].strip()}")

    def _mark(self, count: int, workers: Sequence[Worker]) -> Mark:
        """Wait until so many are done."""
        deadline = time.monotonic() + LONGEST_SECONDS
        while (done := self._done()) < count:
            stopped = next((worker for worker in workers if not worker.running), None)
            if stopped or time.monotonic() > deadline:
                how = stopped.how_it_ended() if stopped else f"took over {LONGEST_SECONDS:g} s"
                raise DevStackError(
                    f"{done} jobs done, {count} waited for, then {how}: {end_of_log(stopped or workers[0])}"
                )
            time.sleep(POLL_SECONDS)
        return Mark(time.monotonic(), done, Spent.by(workers, self._shared.processes))

    def _done(self) -> int:
        return int(self._counter.get(COUNTER) or 0)  # type: ignore[arg-type]

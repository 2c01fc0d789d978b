"""The same job on each queue, as its own documentation has it: count one up in Redis. One file is one queue.

`python -m benchmarks.queues.NAME COUNT` enqueues so many; the worker's command is in benchmarks/drain.py.
"""

import os
import sys
from collections.abc import Callable

import redis

#: What jobs count up.
COUNTER = "done"

_counter = redis.Redis.from_url(os.environ["BENCH_CACHE_URL"])


def effect() -> None:
    """What a job does."""
    _counter.incr(COUNTER)


def enqueue_by(enqueue: Callable[[], object]) -> None:
    """Enqueue as many as the command line says."""
    for _ in range(int(sys.argv[1])):
        enqueue()

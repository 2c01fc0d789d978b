"""RQ: a process forked for each job."""

import os

import redis
from rq import Queue

from benchmarks.queues import effect, enqueue_by

queue = Queue(connection=redis.Redis.from_url(os.environ["BENCH_BROKER_URL"]))

if __name__ == "__main__":
    enqueue_by(lambda: queue.enqueue(effect))

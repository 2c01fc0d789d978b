"""Dramatiq on Redis: acknowledged after the job, retried with backoff."""

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from benchmarks.queues import effect, enqueue_by

dramatiq.set_broker(RedisBroker(url=os.environ["BENCH_BROKER_URL"]))


@dramatiq.actor
def work():
    effect()


if __name__ == "__main__":
    enqueue_by(work.send)

"""Celery as it comes: a job is acknowledged before it runs, and lost where its worker dies."""

import os

from celery import Celery

from benchmarks.queues import effect, enqueue_by

app = Celery("celery_default", broker=os.environ["BENCH_BROKER_URL"])


@app.task(name="work")
def work():
    effect()


if __name__ == "__main__":
    enqueue_by(work.delay)

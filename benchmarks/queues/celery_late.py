"""Celery with what its documentation says against loss: acks_late, one message ahead, results in PostgreSQL."""

import os

from celery import Celery

from benchmarks.queues import effect, enqueue_by

app = Celery("celery_late", broker=os.environ["BENCH_BROKER_URL"], backend=f"db+{os.environ['BENCH_DATABASE_URL']}")
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    task_track_started=True,
    task_default_queue="late",
)


@app.task(name="work")
def work():
    effect()


if __name__ == "__main__":
    enqueue_by(work.delay)

"""Huey on Redis: popped from its list, lost where its worker dies."""

import os

from huey import RedisHuey

from benchmarks.queues import effect, enqueue_by

huey = RedisHuey("benchmark", url=os.environ["BENCH_BROKER_URL"], results=False)


@huey.task()
def work():
    effect()


if __name__ == "__main__":
    enqueue_by(work)

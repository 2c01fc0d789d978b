"""Huey on Redis: popped from its list, lost where its worker dies."""

import os

from huey import RedisHuey

from benchmarks.queues import effect, enqueue_by

huey = RedisHuey("benchmark", url=os.environ["BENCH_BROKER_URL"], results=False)


@huey.task()
def work():
    effect()


if __name__ == "__main__":
    # By the module's own name: huey names its tasks by it.
    from benchmarks.queues import huey_redis

    enqueue_by(huey_redis.work)

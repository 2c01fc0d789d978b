"""Hints to the broker: bounded, best effort, and nearly free while the broker is down.

A hint is a Celery message (protocol 2, as kombu puts it in a Redis list) that carries a job's id. It is
built and sent here rather than by Celery, so that a web process neither imports Celery nor waits in its
retry loops: one script of Redis on a warm connection of our own.

A hint wakes a process, which then takes one job after the other from its queue. Where `ENOUGH` of them wait, more
would wake nobody: they are spared, and the broker's memory does not grow with a queue.

Failure policy: fail open. A hint that was not sent is made up for by the reconciler; after
`FAILURES_TO_OPEN` failures in a row nothing is tried for `OPEN_SECONDS`.
"""

import base64
import json
import logging
import uuid
from collections.abc import Sequence
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from flask_scale.breaker import Breaker
from flask_scale.jobs import failpoints
from flask_scale.jobs.job import Hint
from flask_scale.metrics.instruments import instruments

logger = logging.getLogger(__name__)

#: The one Celery task; its only argument is the job's id.
RUN_JOB = "flask_scale.run_job"

#: Hints that wait in a queue of the broker, where nobody counts on each.
ENOUGH = 64

#: Of hints that are never spared: more than ever wait.
EACH = 1_000_000_000

#: Pushes to the list as many of the messages as are still missing to the first argument.
PUSH = """local missing = math.min(tonumber(ARGV[1]) - redis.call('LLEN', KEYS[1]), #ARGV - 1)
for i = 2, missing + 1 do redis.call('LPUSH', KEYS[1], ARGV[i]) end"""

FAILURES_TO_OPEN = 3
OPEN_SECONDS = 2.0


class Publisher:
    """Sends hints. Give it no URL where there is no broker: it then sends nothing and says so."""

    def __init__(self, broker_url: str | None, *, timeout_seconds: float) -> None:
        self.breaker = Breaker(FAILURES_TO_OPEN, OPEN_SECONDS)
        self._redis = _client(broker_url, timeout_seconds) if broker_url else None
        self._push = self._redis.register_script(PUSH) if self._redis else None

    @property
    def ready(self) -> bool:
        """True where a hint would be tried now."""
        return self._redis is not None and self.breaker.closed

    def publish(self, hints: Sequence[Hint], *, enough: int = ENOUGH) -> bool:
        """Send the hints, all or none of a queue's; False where the broker did not take them in time.

        Where `enough` wait in a queue, those that are too many are spared, unless their job starts by them alone.
        """
        if self._push is None or not self.breaker.allows():
            return False
        groups: dict[tuple[str, int], list[Hint]] = {}
        for hint in hints:
            groups.setdefault((hint.queue, EACH if hint.alone else enough), []).append(hint)
        try:
            failpoints.reach("publish.before")
            for (queue, most), group in groups.items():
                self._push([queue], [most, *map(message, group[:most])])
            failpoints.reach("publish.after")
        except redis.RedisError as error:
            self.breaker.failed()
            instruments().jobs_published.labels("failed").inc(len(hints))
            logger.warning("the broker took no hint, the reconciler will send it: %s", error)
            return False
        self.breaker.succeeded()
        instruments().jobs_published.labels("ok").inc(len(hints))
        return True

    def waiting(self, queue: str) -> int | None:
        """Hints that wait in the broker's queue, or None where it does not answer."""
        if self._redis is None:
            return None
        try:
            return int(self._redis.llen(queue))
        except redis.RedisError:
            return None

    def after_fork(self) -> None:
        """Begin anew in a forked process: redis-py itself drops connections of another pid."""
        self.breaker = Breaker(FAILURES_TO_OPEN, OPEN_SECONDS)

    def close(self) -> None:
        """Close the connections."""
        if self._redis is not None:
            self._redis.close()


def message(hint: Hint) -> bytes:
    """The hint as Celery's message protocol 2 in kombu's envelope."""
    task_id = str(uuid.uuid4())
    embed = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    body = json.dumps([[hint.job_id], {}, embed]).encode()
    envelope = {
        "body": base64.b64encode(body).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": _headers(hint, task_id),
        "properties": {
            "correlation_id": task_id,
            "reply_to": "",
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": hint.queue},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": task_id,
        },
    }
    return json.dumps(envelope).encode()


def _headers(hint: Hint, task_id: str) -> dict[str, Any]:
    return {
        "lang": "py",
        "task": RUN_JOB,
        "id": task_id,
        "shadow": None,
        "eta": None,
        "expires": None,
        "group": None,
        "group_index": None,
        "retries": 0,
        # A turn of several jobs has none; `deadlines.py` keeps each job's own.
        "timelimit": [None, None],
        "root_id": task_id,
        "parent_id": None,
        "argsrepr": f"('{hint.job_id}',)",
        "kwargsrepr": "{}",
        "origin": "flask-scale",
        "ignore_result": True,
        "replaced_task_nesting": 0,
        "stamped_headers": None,
        "stamps": {},
    }


def _client(url: str, timeout_seconds: float) -> "redis.Redis":
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=timeout_seconds,
        socket_timeout=timeout_seconds,
        socket_keepalive=True,
        # Once again where the server closed an idle connection; never after a timeout.
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )

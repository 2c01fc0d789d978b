"""What a release looked like, second by second, while something happened to it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from support.cluster import CommandFailed
from support.release import Release

#: Between two looks, in seconds; the queue is asked for at every third, since each costs a process.
PERIOD_SECONDS = 1.0
QUEUE_EVERY = 3

QUEUE = "SELECT count(*) FROM jobs WHERE state = 'queued'"


class Watch:
    """Samples of a release's pods and queue, and the events that a test marks.

    Times are wall-clock seconds, as those of the client's history.
    """

    def __init__(self, release: Release) -> None:
        #: (time, {"api wanted": 2, "api ready": 2, "worker wanted": 1, "worker ready": 1, "queued": 0})
        self.samples: list[tuple[float, dict[str, float]]] = []
        #: (time, label)
        self.events: list[tuple[float, str]] = []
        self._release = release
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def mark(self, label: str) -> float:
        """Say that something happens now; gives the time."""
        self.events.append((time.time(), label))
        return self.events[-1][0]

    def first(self, series: str, at_least: float, since: float) -> float | None:
        """When a series was first at or over a value, in seconds after `since`; None for never."""
        times = (at for at, values in self.samples if at >= since and values.get(series, -1) >= at_least)
        found = next(times, None)
        return None if found is None else found - since

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._ending.set()
        self._thread.join(30)

    def _look(self) -> None:
        number = 0
        while not self._ending.wait(PERIOD_SECONDS):
            values = dict(self._replicas())
            if number % QUEUE_EVERY == 0:
                values |= self._queue()
            self.samples.append((time.time(), values))
            number += 1

    def _replicas(self) -> Iterator[tuple[str, float]]:
        try:
            found = self._release.namespace.cluster.apps.list_namespaced_deployment(self._release.namespace.name).items
        except Exception:  # the API server's node may be the one that restarts
            return
        for deployment in found:
            component = deployment.metadata.labels["app.kubernetes.io/component"]
            if component in ("api", "worker"):
                yield f"{component} wanted", deployment.spec.replicas or 0
                yield f"{component} ready", deployment.status.ready_replicas or 0

    def _queue(self) -> dict[str, float]:
        try:
            return {"queued": float(self._release.sql(QUEUE))}
        except (CommandFailed, IndexError, ValueError):
            return {}  # PostgreSQL may be what is away


@contextmanager
def watching(release: Release) -> Iterator[Watch]:
    """A watch while in it."""
    watch = Watch(release)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()

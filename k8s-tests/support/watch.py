"""What a release looked like, second by second, while something happened to it."""

import select
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from support.release import MOBILE, Release

#: Between two looks, in seconds.
PERIOD_SECONDS = 1.0

#: Longest wait for PostgreSQL, and for the API server.
ANSWER_SECONDS = 5.0

QUEUE = "SELECT count(*) FROM jobs WHERE state = 'queued';\n"


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
        self._psql: subprocess.Popen[str] | None = None
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
        while not self._ending.wait(PERIOD_SECONDS):
            self.samples.append((time.time(), {**dict(self._replicas()), **self._queue()}))
        self._end_psql()

    def _replicas(self) -> Iterator[tuple[str, float]]:
        try:
            found = self._release.namespace.cluster.apps.list_namespaced_deployment(
                self._release.namespace.name, _request_timeout=ANSWER_SECONDS
            ).items
        except Exception:  # the API server's node may be the one that restarts
            return
        for deployment in found:
            component = deployment.metadata.labels["app.kubernetes.io/component"]
            if component in MOBILE:
                yield f"{component} wanted", deployment.spec.replicas or 0
                yield f"{component} ready", deployment.status.ready_replicas or 0

    def _queue(self) -> dict[str, float]:
        """By one psql for all looks, since a process each would be a load of its own."""
        try:
            if self._psql is None:
                self._psql = self._release.start_psql()
            assert self._psql.stdin
            assert self._psql.stdout
            self._psql.stdin.write(QUEUE)
            self._psql.stdin.flush()
            readable, _, _ = select.select([self._psql.stdout], [], [], ANSWER_SECONDS)
            return {"queued": float(self._psql.stdout.readline() if readable else "")}
        except Exception:  # PostgreSQL, or the API server's node, may be what is away
            self._end_psql()
            return {}

    def _end_psql(self) -> None:
        if self._psql:
            self._psql.kill()
            self._psql.communicate()
        self._psql = None


@contextmanager
def watching(release: Release) -> Iterator[Watch]:
    """A watch while in it."""
    watch = Watch(release)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()

"""Forking while our threads hold no lock: a child would inherit it locked, and wait for it for ever."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: Longest time a fork waits for the threads, in seconds.
WAIT_SECONDS = 2.0


class QuietFork:
    """Threads work inside `at_work`; a fork waits, for a bounded time, until none does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held = False
        os.register_at_fork(before=self._before, after_in_parent=self._after, after_in_child=self._renew)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Around what a thread does that takes locks."""
        with self._lock:
            yield

    def _before(self) -> None:
        self._held = self._lock.acquire(timeout=WAIT_SECONDS)

    def _after(self) -> None:
        if self._held:
            self._held = False
            self._lock.release()

    def _renew(self) -> None:
        self._lock = threading.Lock()
        self._held = False

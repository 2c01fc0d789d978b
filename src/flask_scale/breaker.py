"""A circuit breaker: after failures in a row a server is skipped for a while, then one caller tries it."""

import threading
import time
from collections.abc import Callable


class Breaker:
    """Opens after `failures` in a row, for `open_seconds`; then one call a period goes through until one succeeds.

    What it buys: a hung server costs a timeout now and then, not one on every request.
    """

    def __init__(
        self, failures: int = 2, open_seconds: float = 1.0, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = failures
        self._open_seconds = open_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._next_try = 0.0

    @property
    def closed(self) -> bool:
        """True where `allows` would be; a look changes nothing."""
        return self._failures < self._limit or self._clock() >= self._next_try

    def allows(self) -> bool:
        """True where the server should be asked; the caller then reports `succeeded` or `failed`."""
        if self._failures < self._limit:
            return True
        with self._lock:
            now = self._clock()
            if now < self._next_try:
                return False
            self._next_try = now + self._open_seconds
            return True

    def succeeded(self) -> bool:
        """Close; True where it was open."""
        was_open = self._failures >= self._limit
        self._failures = 0
        return was_open

    def failed(self) -> bool:
        """Count a failure; True where this one opens it."""
        with self._lock:
            self._failures += 1
            self._next_try = self._clock() + self._open_seconds
            return self._failures == self._limit

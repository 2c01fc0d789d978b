"""Who may open a connection to a server now: all; nobody while it is away; few when it has come back.

While it is away nobody's request waits for it: a thread of its own looks once a second. A server that has just come
back, or has too little processor, answers a crowd too late for everybody: each has gone away by then and comes again,
and so it stays.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from flask_scale.breaker import Breaker

#: So long after the last failure a server is taken for well, in seconds.
WELL_SECONDS = 3.0


class Openings:
    """Counts those that are being opened. Who was admitted reports `ended`."""

    def __init__(
        self, look: Callable[[], object], breaker: Breaker | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`look` opens a connection and closes it, or raises."""
        self._look = look
        self._breaker = breaker or Breaker()
        self._clock = clock
        self._lock = threading.Lock()
        self._under_way = 0
        #: None: any number at once.
        self._most: int | None = None
        self._failed_at = float("-inf")
        self._looks = False

    def admits(self) -> bool:
        """True where the caller may open one; nobody waits here."""
        with self._lock:
            if self._most is None:
                self._under_way += 1
                return True
            if self._most == 0:
                self._look_soon()
                return False
            if self._clock() - self._failed_at > WELL_SECONDS:
                self._most = None
            elif self._under_way >= self._most:
                return False
            self._under_way += 1
            return True

    def ended(self, *, opened: bool) -> None:
        """Say what became of it."""
        with self._lock:
            self._under_way -= 1
            self._judge(opened)

    def given_up(self) -> None:
        """Say that the caller did not wait for it, which tells nothing of the server."""
        with self._lock:
            self._under_way -= 1

    def _judge(self, opened: bool) -> None:
        if opened:
            self._breaker.succeeded()
            self._most = None if self._most is None else self._most + 1
            return
        self._breaker.failed()
        self._failed_at = self._clock()
        if not self._breaker.closed:
            self._most = 0

    def _look_soon(self) -> None:
        if not self._looks and self._breaker.allows():
            self._looks = True
            threading.Thread(target=self._look_once, name="database comes back", daemon=True).start()

    def _look_once(self) -> None:
        opened = False
        try:
            with suppress(Exception):
                self._look()
                opened = True
        finally:
            with self._lock:
                self._looks = False
                self._judge(opened)

"""Who may open a connection to a server now: all; nobody while it is away; few when it has come back.

While it is away nobody's request waits for it: a thread of its own looks once a second, whether anybody asks or not,
so that nobody is refused for a server that has long been back. A server that has just come back, or has too little
processor, answers a crowd too late for everybody: each has gone away by then and comes again, and so it stays.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

#: So many failures in a row, and the server is taken for away.
FAILURES = 2

#: Between two looks at a server that is away, in seconds.
LOOK_SECONDS = 1.0

#: So long after the last failure a server is taken for well, in seconds.
WELL_SECONDS = 3.0


class Openings:
    """Counts those that are being opened. Who was admitted reports `ended`."""

    def __init__(
        self,
        look: Callable[[], object],
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] | None = None,
    ) -> None:
        """`look` opens a connection and closes it, or raises; `pause` is `time.sleep`, as it is when it is called."""
        self._look = look
        self._clock = clock
        self._pause = pause
        self._lock = threading.Lock()
        self._under_way = 0
        #: None: any number at once.
        self._most: int | None = None
        #: In a row.
        self._failures = 0
        self._failed_at = float("-inf")
        self._looks = False
        self._closed = False

    def close(self) -> None:
        """Look no more: nobody will ask."""
        self._closed = True

    def admits(self) -> bool:
        """True where the caller may open one; nobody waits here."""
        with self._lock:
            if self._most is None:
                self._under_way += 1
                return True
            if self._most > 0 and self._clock() - self._failed_at > WELL_SECONDS:
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
            self._failures = 0
            self._most = None if self._most is None else self._most + 1
            return
        self._failures += 1
        self._failed_at = self._clock()
        if self._failures >= FAILURES:
            self._most = 0
            self._begin_to_look()

    def _begin_to_look(self) -> None:
        if not self._looks:
            self._looks = True
            threading.Thread(target=self._look_until_back, name="database comes back", daemon=True).start()

    def _look_until_back(self) -> None:
        pause = self._pause or time.sleep
        while self._looks:
            pause(LOOK_SECONDS)
            if self._closed:
                return
            opened = False
            with suppress(Exception):
                self._look()
                opened = True
            with self._lock:
                self._looks = not opened
                self._judge(opened)

"""Who may open a connection to a server now: all, one a second while it is away, few when it comes back.

A server that has just come back, or has too little processor, answers a crowd too late for everybody: each has gone
away by then and comes again, and so it stays.
"""

import threading

from flask_scale.breaker import Breaker

#: After so many connections in a row the server is taken for well again.
WELL = 16


class Openings:
    """Counts those that are being opened. Who was admitted reports `ended`."""

    def __init__(self, breaker: Breaker | None = None) -> None:
        self._breaker = breaker or Breaker()
        self._lock = threading.Lock()
        self._under_way = 0
        #: None: any number at once.
        self._most: int | None = None

    def admits(self) -> bool:
        """True where the caller may open one; nobody waits here."""
        with self._lock:
            if self._most is not None and self._under_way >= self._most:
                return False
            if not self._breaker.allows():
                return False
            self._under_way += 1
            return True

    def ended(self, *, opened: bool) -> None:
        """Say what became of it."""
        with self._lock:
            self._under_way -= 1
            if opened:
                self._breaker.succeeded()
                if self._most is not None:
                    self._most = self._most + 1 if self._most < WELL else None
            else:
                self._breaker.failed()
                if not self._breaker.closed:
                    self._most = 1

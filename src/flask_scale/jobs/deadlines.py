"""What ends a process of the pool that nothing inside can end: it waits in C, and lets no other thread run."""

import logging
import mmap
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

logger = logging.getLogger(__name__)

#: Seconds from the end of an attempt's time to the end of its process.
KILL_AFTER_SECONDS = 10.0


class Deadlines:
    """One row a process of the pool: its id, and when its attempt's time is over, by the clock that all share."""

    def __init__(self, processes: int) -> None:
        self._cells = memoryview(mmap.mmap(-1, processes * 16)).cast("d")
        self._row = -1

    def attach(self, row: int) -> None:
        """From now on this process is watched: it has row `row` (from 0), where its predecessor's time may stand."""
        self._cells[2 * row + 1] = 0.0
        self._cells[2 * row] = os.getpid()
        self._row = row

    @contextmanager
    def until(self, deadline: float) -> Iterator[None]:
        """Around an attempt; `deadline` is of `time.monotonic`. Where nobody watches it does nothing."""
        if self._row < 0:
            yield
            return
        self._cells[2 * self._row + 1] = deadline
        try:
            yield
        finally:
            self._cells[2 * self._row + 1] = 0.0

    def enforce(self) -> None:
        """End each process whose attempt should have ended `KILL_AFTER_SECONDS` ago. Call it where they were forked."""
        now = time.monotonic()
        for row in range(0, len(self._cells), 2):
            # First whose it was: a successor that comes in between has no deadline yet.
            pid, deadline = int(self._cells[row]), self._cells[row + 1]
            if deadline and now > deadline + KILL_AFTER_SECONDS:
                self._cells[row + 1] = 0.0
                logger.warning("process %s is ended: its job is %.0f s over its time", pid, now - deadline)
                with suppress(ProcessLookupError):  # It crashed, and no other has its row yet.
                    os.kill(pid, signal.SIGKILL)

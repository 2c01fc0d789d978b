"""What holds a job that Python cannot hold: one that takes all memory, or lets no other thread run.

For a process that runs one job at a time and may be ended for it, such as a prefork child. The kernel's own means
come too late for the others: it ends the whole container where one of its processes took too much.
"""

import faulthandler
import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Where Linux tells of a process's memory, in pages: size, resident, shared, text, library, data.
STATM = Path("/proc/self/statm")


@contextmanager
def memory_limit(max_bytes: int) -> Iterator[None]:
    """Inside, what would take over `max_bytes` more than is taken now raises MemoryError. 0 is no limit.

    It holds on Linux, and for the whole process; its end gives room again to tell what happened.
    """
    if not max_bytes or not STATM.exists():
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    taken = int(STATM.read_text().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (taken + max_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


class Watchdog:
    """Ends the process where it has computed for `seconds` without a `pat`; needs no turn of Python's own lock.

    Its time is the process's own: one that was stopped, or waits, is not ended. What each thread was about is then in
    the log. Give it 0 to never end anything.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        if seconds:
            # It tells, and then does what the signal does where nobody minds it: the end.
            faulthandler.register(signal.SIGVTALRM, file=sys.stderr, chain=True)

    def pat(self) -> None:
        """Say that other threads still get their turn."""
        if self._seconds:
            signal.setitimer(signal.ITIMER_VIRTUAL, self._seconds)

    def bite(self) -> None:
        """End the process here and now."""
        if self._seconds:
            os._exit(os.EX_SOFTWARE)

    def rest(self) -> None:
        """Watch no more, until the next `pat`."""
        if self._seconds:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)

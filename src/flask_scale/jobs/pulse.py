"""The thread beside a thread that runs jobs, for as long as there are any: a thread for each would cost a short job's
time again.
"""

import threading
import time
from typing import Protocol

#: Looks at nothing after which the thread ends.
IDLE_LOOKS = 3


class Beat(Protocol):
    """What is looked at."""

    def look(self) -> bool:
        """Called again and again; False says that nobody may count on this any more."""
        ...


class Pulse(threading.local):
    """Looks at the caller's beat every `pause` seconds; each thread that calls has its own."""

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self._companion = _Companion(pause)

    def begin(self, beat: Beat) -> None:
        """Look at it from now on."""
        self._companion.begin(beat)

    def end(self, patience: float) -> None:
        """Look at it no more. A look that is under way is waited for, up to `patience` seconds."""
        if not self._companion.end(patience):
            self._companion = _Companion(self._pause)


class _Companion:
    def __init__(self, pause: float) -> None:
        self._pause = pause
        self._lock = threading.Lock()
        self._beat: Beat | None = None
        self._runs = False
        self._idle = 0

    def begin(self, beat: Beat) -> None:
        with self._lock:
            self._beat = beat
            if not self._runs:
                threading.Thread(target=self._look, name="heartbeat", daemon=True).start()
                self._runs = True

    def end(self, patience: float) -> bool:
        ended = self._lock.acquire(timeout=patience)
        self._beat = None
        if ended:
            self._lock.release()
        return ended

    def _look(self) -> None:
        while True:
            time.sleep(self._pause)
            with self._lock:
                self._idle = 0 if self._beat else self._idle + 1
                self._runs = self._idle < IDLE_LOOKS and (self._beat is None or self._beat.look())
                if not self._runs:
                    return

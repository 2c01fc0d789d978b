"""Is the Celery worker alive: the beat of its consumer loop, which the internal port reads in the same process."""

import time

#: Seconds between two beats.
BEAT_SECONDS = 1.0

#: A consumer loop silent for this long is stuck. In the solo pool a job blocks the loop: use it for debugging.
STUCK_SECONDS = 60.0


class Liveness:
    """When the consumer loop last turned, and whether it is connected to the broker."""

    def __init__(self) -> None:
        #: True while the consumer is connected and takes jobs.
        self.ready = False
        self._last_beat = float("-inf")

    def beat(self) -> None:
        """Say that the consumer loop turns."""
        self._last_beat = time.monotonic()

    def age_seconds(self) -> float:
        """Seconds since the last beat; infinite where there was none."""
        return time.monotonic() - self._last_beat

    @property
    def alive(self) -> bool:
        """True while the consumer loop turns."""
        return self.age_seconds() < STUCK_SECONDS


#: The liveness of this process: a process runs one Celery worker.
current = Liveness()

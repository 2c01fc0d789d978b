"""Is the Celery worker alive: a file that its consumer loop touches, and what a probe reads from it."""

import tempfile
import time
from pathlib import Path

#: Seconds between two touches.
BEAT_SECONDS = 1.0

#: A consumer loop silent for this long is stuck. In the solo pool a job blocks the loop: use it for debugging.
STUCK_SECONDS = 60.0


class Liveness:
    """The heartbeat file of one Celery worker, and whether it is connected to the broker."""

    def __init__(self, path: Path) -> None:
        self.path = path
        #: True while the consumer is connected and takes jobs.
        self.ready = False

    @classmethod
    def at(cls, bind: str) -> "Liveness":
        """The liveness of the worker whose internal address is `bind`."""
        return cls(Path(tempfile.gettempdir()) / f"flask-scale-worker-{bind.rpartition(':')[2]}.heartbeat")

    def beat(self) -> None:
        """Say that the consumer loop turns."""
        self.path.touch()

    def age_seconds(self) -> float:
        """Seconds since the last beat; infinite where there was none."""
        try:
            return max(0.0, time.time() - self.path.stat().st_mtime)
        except FileNotFoundError:
            return float("inf")

    @property
    def alive(self) -> bool:
        """True while the consumer loop turns."""
        return self.age_seconds() < STUCK_SECONDS

    def remove(self) -> None:
        """Delete the file at the end."""
        self.path.unlink(missing_ok=True)


#: The liveness of this process. The worker sets it before Celery starts its consumer.
current = Liveness.at("0.0.0.0:0")


def use(liveness: Liveness) -> None:
    """Make `liveness` the one of this process."""
    global current
    current = liveness

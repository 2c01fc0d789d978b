"""A stand under load: time passes in it, what ends is started again, and what there is to see is written down."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg2
import requests

from flask_scale.dev.app import Worker
from tests.faults.recovery import Kill
from tests.faults.stand import LOOK_SECONDS, Stand, name_of
from tests.load.facts import postgres_rows
from tests.load.timeline import Event, Sample

#: Between two samples, and between two words of how it goes, in seconds.
SAMPLE_SECONDS = 1.0
SAY_SECONDS = 10.0

#: Between two looks at the Celery workers' metrics, in seconds.
METRICS_SECONDS = 5.0

FENCED = "flask_scale_jobs_fenced_total"
COUNTS = "SELECT state, count(*) FROM jobs GROUP BY state"

Say = Callable[[str], None]


@dataclass
class Field:
    """What faults are done in. `rest` is how time passes between them."""

    stand: Stand
    say: Say
    began: float = field(default_factory=time.time)
    events: list[Event] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    kills: list[Kill] = field(default_factory=list)
    _fenced: dict[str, float] = field(default_factory=dict)
    _next_sample: float = 0.0
    _next_metrics: float = 0.0
    _next_words: float = 0.0

    @property
    def elapsed(self) -> float:
        """Seconds since it began."""
        return time.time() - self.began

    @property
    def fenced(self) -> int:
        """Writes of attempts that had lost their lease, which the workers say were rejected."""
        return int(sum(self._fenced.values()))

    def mark(self, label: str) -> None:
        """Say that something happens now."""
        self.events.append((time.time(), label))
        self.say(f"{self.elapsed:6.1f} s  {label}")

    def rest_until(self, elapsed: float) -> None:
        """Let time pass until so many seconds after the beginning."""
        self.rest(elapsed - self.elapsed)

    def rest(self, seconds: float) -> None:
        """Let time pass."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            self.stand.tend()
            self._look(time.monotonic())
            time.sleep(max(0.0, min(LOOK_SECONDS, left)))

    def note_kill(self, worker: Worker) -> None:
        """Say that a Celery worker is about to be killed."""
        self.count_fenced(worker)
        self.kills.append(Kill(time.time(), name_of(worker)))

    def count_fenced(self, *workers: Worker) -> None:
        """Read from the workers how many writes they saw rejected; one that does not answer is left out."""
        for worker in workers or self.stand.workers:
            with contextlib.suppress(requests.RequestException):
                self._fenced[name_of(worker)] = counted(worker, FENCED)

    def _look(self, now: float) -> None:
        if now >= self._next_metrics:
            self._next_metrics = now + METRICS_SECONDS
            self.count_fenced()
        if now >= self._next_sample:
            self._next_sample = now + SAMPLE_SECONDS
            self._sample(now)

    def _sample(self, now: float) -> None:
        try:
            counts = {state: int(count) for state, count in postgres_rows(_impatient(self.stand.database_url))(COUNTS)}
        except psycopg2.OperationalError:
            self.samples.append((time.time(), {}))  # it is away: a fault
            return
        waiting, running = counts.get("queued", 0), counts.get("running", 0)
        self.samples.append((time.time(), {"jobs waiting": waiting}))
        if now >= self._next_words:
            self._next_words = now + SAY_SECONDS
            done = counts.get("succeeded", 0)
            self.say(f"{self.elapsed:6.1f} s  {done} jobs done, {running} run, {waiting} wait")


def counted(worker: Worker, name: str) -> float:
    """The sum of a metric's series on a worker's internal port.

    Raises:
        requests.RequestException: no answer.
    """
    lines = requests.get(f"{worker.internal_url}/metrics", timeout=2).text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def _impatient(url: str) -> str:
    """With a limit for the connection, which a database that was stopped would never make."""
    return f"{url}?connect_timeout=2"

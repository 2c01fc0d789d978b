"""Gauges of the queues, read from the database at the moment of a scrape."""

import logging
import threading
from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from flask_scale.jobs.client import Jobs
from flask_scale.jobs.contract import QueueStat
from flask_scale.state import State

logger = logging.getLogger(__name__)

#: Longest wait for the database, in seconds: under the time that Prometheus gives a scrape (10).
LONGEST_LOOK_SECONDS = 5.0


class QueueCollector(Collector):
    """Depth, oldest age and running jobs by queue, and jobs that wait for a handler. Series: queues plus such tasks.

    A queue of the settings or of a declared task is told at 0 too: an autoscaler takes no series for no answer, and
    would never scale down.

    Failure policy: a database that does not answer, or hangs, leaves these gauges out; the scrape goes on.
    """

    def __init__(self, jobs: Jobs, queues: Iterable[str] = ()) -> None:
        self._jobs = jobs
        self._queues = frozenset(queues)

    def collect(self) -> Iterator[Metric]:
        """Give the gauges as they are now."""
        seen: list[Metric] = []
        look = threading.Thread(target=lambda: seen.extend(self._read()), name="queue gauges", daemon=True)
        look.start()
        look.join(LONGEST_LOOK_SECONDS)
        if look.is_alive():
            logger.warning("no queue gauges, the database does not answer within %g s", LONGEST_LOOK_SECONDS)
            return
        yield from seen

    def _read(self) -> Sequence[Metric]:
        depth = GaugeMetricFamily("flask_scale_queue_depth", "Due jobs that wait.", labels=["queue"])
        age = GaugeMetricFamily(
            "flask_scale_queue_oldest_age_seconds", "How long the longest waiting job has been due.", labels=["queue"]
        )
        running = GaugeMetricFamily(
            "flask_scale_jobs_running", "Running jobs, also those that lost their worker.", labels=["queue"]
        )
        unhandled = GaugeMetricFamily(
            "flask_scale_jobs_unhandled", "Due jobs of a task that no running Celery worker handles.", labels=["task"]
        )
        try:
            waiting = {stat.queue: stat for stat in self._jobs.queue_stats()}
            runs = self._jobs.running()
            for queue in sorted(self._queues | waiting.keys() | runs.keys()):
                stat = waiting.get(queue, QueueStat(queue, 0, 0.0))
                depth.add_metric([queue], stat.depth)
                age.add_metric([queue], stat.oldest_age_seconds)
                running.add_metric([queue], runs.get(queue, 0))
            for task, count in self._jobs.unhandled().items():
                unhandled.add_metric([task], count)
        except SQLAlchemyError as error:
            logger.warning("no queue gauges, the database does not answer: %s", error)
            return ()
        return depth, age, running, unhandled


def queue_collector(state: State) -> Collector:
    """The collector of an app whose jobs are on; register it where the app is scraped."""
    assert state.jobs is not None
    served = [name.strip() for name in state.settings.worker_queues.split(",")]
    return QueueCollector(state.jobs, [*served, *(task.queue for task in state.tasks or ())])

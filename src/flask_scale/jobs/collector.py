"""Gauges of the queues, read from the database at the moment of a scrape."""

import logging
from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from flask_scale.jobs.client import Jobs
from flask_scale.state import State

logger = logging.getLogger(__name__)


class QueueCollector(Collector):
    """Depth and oldest age by queue, and jobs that wait for a handler. Series: queues in use plus such tasks.

    Failure policy: a database that does not answer leaves these gauges out; the scrape goes on.
    """

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def collect(self) -> Iterator[Metric]:
        """Give the gauges as they are now."""
        depth = GaugeMetricFamily("flask_scale_queue_depth", "Due jobs that wait.", labels=["queue"])
        age = GaugeMetricFamily(
            "flask_scale_queue_oldest_age_seconds", "How long the longest waiting job has been due.", labels=["queue"]
        )
        unhandled = GaugeMetricFamily(
            "flask_scale_jobs_unhandled", "Due jobs of a task that no running Celery worker handles.", labels=["task"]
        )
        try:
            for stat in self._jobs.queue_stats():
                depth.add_metric([stat.queue], stat.depth)
                age.add_metric([stat.queue], stat.oldest_age_seconds)
            for task, count in self._jobs.unhandled().items():
                unhandled.add_metric([task], count)
        except SQLAlchemyError as error:
            logger.warning("no queue gauges, the database does not answer: %s", error)
            return
        yield from (depth, age, unhandled)


def queue_collector(state: State) -> Collector:
    """The collector of an app whose jobs are on; register it where the app is scraped."""
    assert state.jobs is not None
    return QueueCollector(state.jobs)

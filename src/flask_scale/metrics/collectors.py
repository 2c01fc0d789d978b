"""Live gauges of the instance, read from the board at the moment of a scrape."""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from flask_scale import board
from flask_scale.settings import Settings


class BoardCollector:
    """What is in flight and how full the database pools are, over all processes of the instance."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def collect(self) -> Iterator[Metric]:
        """Give the gauges as they are now."""
        live = board.current
        yield _gauge("requests_in_flight", "Requests begun and not ended.", live.total("in_flight"))
        yield _gauge("requests_limit", "Requests in flight before 503; 0 is no limit.", self._settings.max_in_flight)
        if self._settings.database_url is None:
            return
        capacity = self._settings.pool_size + self._settings.max_overflow
        yield _gauge("pool_in_use", "Database connections that are checked out.", live.total("pool_in_use"))
        yield _gauge("pool_waiting", "Callers that wait for a database connection.", live.total("pool_waiting"))
        yield _gauge("pool_capacity", "Database connections that one process may open.", capacity)


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"flask_scale_{name}", help_text, value)

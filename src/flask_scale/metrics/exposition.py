"""One scrape: everything that this gunicorn instance counted, whichever process is asked."""

from collections.abc import Iterator
from typing import cast

from prometheus_client import REGISTRY, CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from flask_scale.metrics import multiprocess
from flask_scale.metrics.collectors import BoardCollector
from flask_scale.state import State


class Families:
    """The metric families of several collectors, each name once: the first that gives it wins."""

    def __init__(self, collectors: list[Collector]) -> None:
        self._collectors = collectors

    def collect(self) -> Iterator[Metric]:
        """Give each family once."""
        seen: set[str] = set()
        for collector in self._collectors:
            for family in collector.collect():
                if family.name not in seen:
                    seen.add(family.name)
                    yield family


def scrape(state: State, accept: str | None) -> tuple[str, bytes]:
    """The content type and the body that answer a scrape whose Accept header is `accept`."""
    encode, content_type = choose_encoder(accept or "")
    families = cast(CollectorRegistry, Families([BoardCollector(state.settings), *_queues(state), *_counted(state)]))
    return content_type, encode(families)


def _counted(state: State) -> list[Collector]:
    if multiprocess.directory() is not None:
        return [multiprocess.SharedCollector(None)]  # type: ignore[no-untyped-call]
    return [state.registry, REGISTRY]


def _queues(state: State) -> list[Collector]:
    if state.jobs is None:
        return []
    from flask_scale.jobs import queue_collector

    return [queue_collector(state)]

"""Prometheus metrics: requests by URL rule, the instruments of every part, live gauges, queues."""

from flask import Flask

from flask_scale.metrics.exposition import scrape
from flask_scale.metrics.requests import RequestMetrics, has_own_exporter
from flask_scale.state import State

__all__ = ["init_app", "scrape"]


def init_app(app: Flask, state: State) -> None:
    """Measure the requests of an app that has no prometheus_flask_exporter of its own."""
    if has_own_exporter(app):
        state.parts["metrics"] = "on: requests are measured by the app's own prometheus_flask_exporter"
        return
    state.requests = RequestMetrics(app, path=None, registry=state.registry)
    state.parts["metrics"] = "on"

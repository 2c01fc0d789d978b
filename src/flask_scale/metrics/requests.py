"""Request metrics of prometheus_flask_exporter, with a bounded number of series.

The names are the exporter's, so dashboards made for it work. A series is one (method, URL rule,
status): what a client can make up counts as `other` or `unmatched`, never as a series of its own.
"""

from bisect import bisect_left
from functools import lru_cache
from time import perf_counter
from typing import Any

from flask import Flask, Request, Response, got_request_exception, request
from prometheus_client import Counter, Histogram
from prometheus_flask_exporter import PrometheusMetrics

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

#: In seconds. Fewer than the exporter's 15: each is a series for every method, rule and status.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

EXPORTER = "prometheus_flask_exporter"


class Durations(Histogram):
    """A histogram that also takes many observations at once."""

    def observe_many(self, count: int, total: float) -> None:
        """Observe `count` amounts that came to `total`, each as their mean: for amounts that hardly differ."""
        self._sum.inc(total)
        self._buckets[bisect_left(self._upper_bounds, total / count)].inc(count)


class RequestMetrics(PrometheusMetrics):  # type: ignore[misc]
    """The exporter, its defaults recorded by hooks that look a series up once and keep it."""

    def export_defaults(self, *args: Any, app: Flask, **kwargs: Any) -> None:
        """Count and time every request of `app`; called by the exporter's own `init_app`."""
        duration = Durations(
            "flask_http_request_duration_seconds",
            "Time of a request by method, URL rule and status.",
            ["method", "url_rule", "status"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        total = Counter("flask_http_request_total", "Requests.", ["method", "status"], registry=self.registry)
        exceptions = Counter(
            "flask_http_request_exceptions_total",
            "Requests that ended with an exception that the app did not handle.",
            ["method", "status"],
            registry=self.registry,
        )

        @lru_cache(maxsize=4096)
        def series(method: str, rule: str, status: int) -> tuple[Durations, Counter]:
            return duration.labels(method, rule, status), total.labels(method, status)

        def record(method: str, rule: str, status: int, seconds: float, count: int = 1) -> None:
            observed, counted = series(method, rule, status)
            observed.observe_many(count, seconds)
            counted.inc(count)

        #: Count requests that Flask does not see: their method, URL rule, status, and the time they took together.
        self.record = record

        def begin() -> None:
            request.environ["flask_scale.begun"] = perf_counter()

        def end(response: Response) -> Response:
            asked = request._get_current_object()  # type: ignore[attr-defined]
            begun = asked.environ.pop("flask_scale.begun", None)
            if begun is not None:
                rule = _rule(asked)
                asked.environ.get("flask_scale.url_rule", {})["rule"] = rule
                record(_method(asked), rule, response.status_code, perf_counter() - begun)
            return response

        def count_exception(_app: Flask, **_kwargs: Any) -> None:
            exceptions.labels(_method(request), 500).inc()

        app.before_request_funcs.setdefault(None, []).insert(0, begin)
        app.after_request_funcs.setdefault(None, []).insert(0, end)
        got_request_exception.connect(count_exception, app, weak=False)


def has_own_exporter(app: Flask) -> bool:
    """Whether the app was given to prometheus_flask_exporter by its own code."""
    hooks = app.before_request_funcs.get(None, [])
    return any(getattr(hook, "__module__", "").split(".")[0] == EXPORTER for hook in hooks)


def _method(asked: Request) -> str:
    return asked.method if asked.method in METHODS else "other"


def _rule(asked: Request) -> str:
    return asked.url_rule.rule if asked.url_rule is not None else "unmatched"

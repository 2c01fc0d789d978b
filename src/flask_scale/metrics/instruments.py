"""Every counter and histogram that flask_scale keeps, by name.

They are made at first use, not at import: the server chooses where values live first
(see `multiprocess.py`). Gauges that many processes share live in `board.py`.
"""

from functools import cache

from prometheus_client import Counter, Histogram

SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)


class Instruments:
    """One set a process. Label values come from code, never from clients."""

    def __init__(self) -> None:
        self.cache_requests = Counter("flask_scale_cache_requests", "Look-ups by result: hit, stale, miss.", ["result"])
        self.cache_loads = Counter("flask_scale_cache_loads", "Loads of a missing value: ok, error.", ["outcome"])
        self.cache_lease_waits = Counter("flask_scale_cache_lease_waits", "Callers that waited for another's load.")
        self.responses = Counter(
            "flask_scale_response_cache_requests",
            "Requests for responses that may be cached: hit, stale, miss, collapsed (waited for another's), pass.",
            ["result"],
        )
        self.cache_errors = Counter(
            "flask_scale_cache_errors", "Operations the cache did not answer in time.", ["operation"]
        )
        self.requests_shed = Counter("flask_scale_requests_shed", "Requests answered 503 to protect the rest.")
        self.jobs_enqueued = Counter("flask_scale_jobs_enqueued", "Jobs accepted.", ["task"])
        self.jobs_published = Counter(
            "flask_scale_jobs_published", "Hints sent to the broker: ok, failed.", ["outcome"]
        )
        self.job_duration = Histogram(
            "flask_scale_job_duration_seconds",
            "Time of one attempt by task and outcome: succeeded, retried, dead, cancelled, released, lost.",
            ["task", "outcome"],
            buckets=SECONDS,
        )
        self.jobs_fenced = Counter(
            "flask_scale_jobs_fenced", "Writes of an attempt that had lost its lease, rejected.", ["operation"]
        )
        self.jobs_recovered = Counter(
            "flask_scale_jobs_recovered", "Jobs the reconciler brought back: lease, overdue.", ["reason"]
        )


@cache
def instruments() -> Instruments:
    """The process's own set."""
    return Instruments()

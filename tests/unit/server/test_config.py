"""gunicorn's settings come from ours."""

import pytest
from gunicorn.config import Config

from flask_scale.server.config import gunicorn_settings
from flask_scale.settings import Settings


def config(**settings):
    """gunicorn's own object, which checks each value."""
    made = Config()
    for name, value in gunicorn_settings(Settings(**settings)).items():
        made.set(name, value)
    return made


@pytest.mark.parametrize(
    ("ours", "value", "theirs", "expected"),
    [
        ("workers", 3, "workers", 3),
        ("worker_connections", 17, "worker_connections", 17),
        ("keepalive_seconds", 99, "keepalive", 99),
        ("timeout_seconds", 11, "timeout", 11),
        ("graceful_timeout_seconds", 12, "graceful_timeout", 12),
        ("max_requests", 1000, "max_requests", 1000),
        ("max_requests", 1000, "max_requests_jitter", 100),
        ("forwarded_allow_ips", "10.0.0.0/8", "forwarded_allow_ips", ["10.0.0.0/8"]),
        ("proxy_hops", 0, "forwarded_allow_ips", []),
    ],
)
def test_each_setting_of_ours_reaches_gunicorn(ours, value, theirs, expected):
    assert getattr(config(**{ours: value}), theirs) == expected


def test_both_ports_are_bound_in_order():
    made = config(bind="127.0.0.1:1", internal_bind="127.0.0.1:2")
    assert made.address == [("127.0.0.1", 1), ("127.0.0.1", 2)]


@pytest.mark.parametrize(
    ("worker_class", "name", "threads"),
    [
        ("fast", "flask_scale.server.fast_worker.FastWorker", 1),
        ("gevent", "flask_scale.server.worker.GeventWorker", 1),
        ("gthread", "flask_scale.server.thread_worker.ThreadWorker", 6),
        ("sync", "flask_scale.server.sync_worker.SyncWorker", 1),
    ],
)
def test_the_worker_class_is_ours_and_threads_are_gthreads_only(worker_class, name, threads):
    made = config(worker_class=worker_class, threads=6)
    assert (made.worker_class_str, made.threads) == (name, threads)


def test_what_would_open_a_hole_is_shut():
    made = config()
    assert made.http_parser == "python"
    assert made.header_map == "refuse"
    assert made.control_socket_disable is True
    assert made.preload_app is False

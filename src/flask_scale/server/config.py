"""gunicorn's settings, made from ours."""

import os
from typing import Any

from flask_scale.server.hooks import Hooks
from flask_scale.server.log import Log
from flask_scale.settings import Settings

WORKER_CLASSES = {
    "fast": "flask_scale.server.fast_worker.FastWorker",
    "gevent": "flask_scale.server.worker.GeventWorker",
    "gthread": "flask_scale.server.thread_worker.ThreadWorker",
    "sync": "flask_scale.server.sync_worker.SyncWorker",
}


def gunicorn_settings(settings: Settings) -> dict[str, Any]:
    """Every gunicorn setting that differs from gunicorn's own, by gunicorn's name.

    The app is loaded by each gunicorn worker, not by the master: an app may connect while it is
    imported, and connections must not be shared by processes. The library is in the master, so
    its memory is shared and a gunicorn worker is up soon.
    """
    hooks = Hooks(settings)
    return {
        "bind": [settings.bind, settings.internal_bind],
        "workers": settings.workers,
        "worker_class": WORKER_CLASSES[settings.worker_class],
        "worker_connections": settings.worker_connections,
        # gunicorn takes a sync worker with threads for a gthread one.
        "threads": settings.threads if settings.worker_class == "gthread" else 1,
        "keepalive": settings.keepalive_seconds,
        "timeout": settings.timeout_seconds,
        "graceful_timeout": settings.graceful_timeout_seconds,
        "max_requests": settings.max_requests,
        "max_requests_jitter": settings.max_requests // 10,
        "forwarded_allow_ips": settings.forwarded_allow_ips if settings.proxy_hops else "",
        # The C parser accepts requests that the Python parser refuses, a way to smuggle.
        "http_parser": "python",
        # What nginx lets through (four buffers of 8k), so that it is nginx that refuses, as problem+json.
        "limit_request_line": 8190,
        "limit_request_fields": 1000,
        "header_map": "refuse",
        "control_socket_disable": True,
        # A heartbeat on a disk can stall for longer than the timeout.
        "worker_tmp_dir": "/dev/shm" if os.access("/dev/shm", os.W_OK) else None,  # noqa: S108
        "logger_class": Log,
        "accesslog": None,
        "on_starting": hooks.on_starting,
        "when_ready": hooks.when_ready,
        "pre_fork": hooks.pre_fork,
        "post_fork": hooks.post_fork,
        "pre_request": hooks.pre_request,
        "child_exit": hooks.child_exit,
        "on_exit": hooks.on_exit,
    }

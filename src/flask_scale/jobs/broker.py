"""The Celery app: one task, early acknowledgement, no result backend, JSON only."""

from typing import Any

from celery import Celery

from flask_scale.errors import NotConfigured
from flask_scale.settings import Settings

#: A broker that does not answer for so long is connected to anew, in seconds. Above kombu's BRPOP of 1 s.
SOCKET_TIMEOUT_SECONDS = 5.0
CONNECT_TIMEOUT_SECONDS = 3.0


def build_celery(settings: Settings) -> Celery:
    """A Celery app on the broker of `settings`; it connects at first use.

    Raises:
        NotConfigured: no broker_url.
    """
    if settings.broker_url is None:
        raise NotConfigured("no broker: set FLASK_SCALE_BROKER_URL=redis://host")
    celery = Celery(
        "flask_scale",
        broker=settings.broker_url,
        set_as_current=False,
        events="flask_scale.jobs.events:PromptEvents",
    )
    celery.conf.update(_conf(settings))
    return celery


def _conf(settings: Settings) -> dict[str, Any]:
    return {
        # Early acknowledgement: PostgreSQL's leases, not the broker, bring back what was running.
        "task_acks_late": False,
        "task_ignore_result": True,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_default_queue": "default",
        # A hint is fetched when a process is free for it, so that none waits behind a long job.
        "worker_prefetch_multiplier": 1,
        "worker_disable_prefetch": True,
        "worker_consumer": "flask_scale.jobs.consumer:PatientConsumer",
        "worker_send_task_events": True,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "worker_soft_shutdown_timeout": float(settings.graceful_timeout_seconds),
        "worker_proc_alive_timeout": 30.0,
        "broker_connection_retry": True,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        # One that refuses (its disk is full, it is a replica) is waited for like one that is away.
        "broker_channel_error_retry": True,
        "broker_transport_options": {
            "socket_timeout": SOCKET_TIMEOUT_SECONDS,
            "socket_connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "socket_keepalive": True,
            "health_check_interval": 25,
            # Serve the queues in the order in which they are given.
            "queue_order_strategy": "priority",
        },
    }

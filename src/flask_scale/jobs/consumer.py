"""Celery's consumer with a beat, and with patience: a broker that is away is no reason to be restarted."""

from time import monotonic
from typing import Any

from celery import bootsteps
from celery.worker.consumer import Consumer
from celery.worker.state import maybe_shutdown

from flask_scale.jobs import liveness

#: Seconds between two tries to connect: from, raised by, to at most.
RECONNECT = {"interval_start": 0.5, "interval_step": 0.5, "interval_max": 3.0}

#: For how long events of tasks wait for others, in seconds: each of their messages costs as much as a short job's.
EVENTS_SECONDS = 0.25


class BeatStep(bootsteps.StartStopStep):
    """Beats from the consumer's own loop, once it is connected."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **kwargs: Any) -> None:
        self._timer: Any = None
        super().__init__(consumer, **kwargs)

    def start(self, consumer: Any) -> None:
        liveness.current.ready = True
        liveness.current.beat()
        self._timer = consumer.timer.call_repeatedly(liveness.BEAT_SECONDS, liveness.current.beat)

    def stop(self, consumer: Any) -> None:
        liveness.current.ready = False
        if self._timer is not None:
            consumer.timer.cancel(self._timer)
            self._timer = None

    shutdown = stop


class PatientConsumer(Consumer):
    """A consumer that tries often to reach the broker and beats while it waits; it sends events by the handful."""

    # celery-types does not know them.
    hub: Any
    _flush_events: Any

    _events_due_at = 0.0

    def on_send_event_buffered(self) -> Any:
        """Send what has come together soon; Celery would at once. A lost connection forgets its timers, never this."""
        now = monotonic()
        if self.hub and now >= self._events_due_at:
            self._events_due_at = now + EVENTS_SECONDS
            self.hub.call_later(EVENTS_SECONDS, self._flush_events)

    def ensure_connected(self, conn: Any) -> Any:
        def wait() -> None:
            liveness.current.beat()
            maybe_shutdown()

        def failed(error: Exception, interval: float) -> None:
            self.on_connection_error_before_connected(error)

        conn = conn.ensure_connection(failed, None, callback=wait, **RECONNECT)
        self.first_connection_attempt = False
        return conn

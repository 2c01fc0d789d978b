"""Celery's events, none of which waits for the broker.

Celery publishes a worker's heartbeat again and again until the broker takes it, in the consumer's own loop. Where
the broker hangs, or its host is gone without a word, that loop would turn no more: liveness would end the worker
with its running jobs, and SIGTERM would not be heard. Here a heartbeat that the broker does not take at once means
that the connection is lost, and the consumer makes another.
"""

from typing import Any

from celery.app.events import Events
from celery.events.dispatcher import EventDispatcher

HEARTBEAT = "worker.heartbeat"

#: celery-types knows less of it than is used here.
Dispatcher: Any = EventDispatcher


class PromptDispatcher(Dispatcher):  # type: ignore[misc]
    """Publishes once. What is not a heartbeat is kept for later where the broker does not answer."""

    def _publish(self, event: Any, producer: Any, routing_key: str, *_retry: Any, **_policy: Any) -> None:
        if producer is not None and routing_key == HEARTBEAT:
            # Raises to the consumer, which the method of the base class does not.
            producer.publish(
                event,
                routing_key=routing_key,
                exchange=self.exchange.name,
                declare=[self.exchange],
                serializer=self.serializer,
                headers=self.headers,
                delivery_mode=self.delivery_mode,
            )
        else:
            super()._publish(event, producer, routing_key)


class PromptEvents(Events):
    """What makes a Celery app's dispatchers."""

    dispatcher_cls = "flask_scale.jobs.events:PromptDispatcher"

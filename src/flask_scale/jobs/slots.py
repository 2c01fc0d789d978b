"""Tasks with a limit on how many of their jobs run at once, over all Celery workers.

The claim keeps the limit. A job that finds no slot free goes back, and no hint of it is sent before one may be: whoever
ends a job of the task sends the next, and each sweep sends those that are still missing.
"""

from collections.abc import Mapping, Sequence

from flask_scale.jobs.contract import JobStore
from flask_scale.jobs.hints import send_taken
from flask_scale.jobs.publisher import Publisher


def publish_waiting(store: JobStore, publisher: Publisher, limits: Mapping[str, int], queues: Sequence[str]) -> None:
    """Send the hints of as many jobs that wait in these queues for a slot of these tasks as there are slots."""
    hints = store.take_waiting(limits, queues)
    if hints:
        send_taken(store, publisher, hints)

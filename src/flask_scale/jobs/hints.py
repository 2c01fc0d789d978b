"""Sending hints that were taken from the store, where their jobs count as dispatched from then on."""

from collections.abc import Sequence

from flask_scale.jobs.contract import JobStore
from flask_scale.jobs.job import Hint
from flask_scale.jobs.publisher import Publisher


def send_taken(store: JobStore, publisher: Publisher, hints: Sequence[Hint]) -> bool:
    """Send them; where the broker does not take them, say so to the store, so that a later look takes them again."""
    sent = publisher.publish(hints)
    if not sent:
        store.undispatch([hint.job_id for hint in hints])
    return sent

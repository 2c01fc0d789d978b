"""How long a job whose Celery worker was killed waited for its next start, by the database's own events."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from tests.load.facts import Query

EVENTS = """
    SELECT job_id, event, coalesce(worker, ''), extract(epoch FROM at)
    FROM job_events WHERE event IN ('claimed', 'lease_expired')
    ORDER BY job_id, id"""


class Kill(NamedTuple):
    """SIGKILL of a Celery worker."""

    #: Seconds since 1970.
    at: float
    #: As the worker calls itself in `job_events`.
    worker: str


class Step(NamedTuple):
    """One line of `job_events`: an attempt was claimed, or its lease expired."""

    job: str
    event: str
    worker: str
    at: float


def read_recoveries(kills: Sequence[Kill], query: Query) -> list[float]:
    """Seconds from each kill to the next start of each job that it interrupted."""
    return recoveries(kills, (Step(job, event, worker, float(at)) for job, event, worker, at in query(EVENTS)))


def recoveries(kills: Sequence[Kill], steps: Iterable[Step]) -> list[float]:
    """As `read_recoveries`, of steps in order, those of each job together."""
    killed_at = {kill.worker: kill.at for kill in kills}
    found = []
    for (began, over), (_, again) in pairwise(pairwise(steps)):
        names = (began.event, over.event, again.event)
        at = killed_at.get(began.worker)
        if at is None or names != ("claimed", "lease_expired", "claimed") or len({began.job, over.job, again.job}) > 1:
            continue
        if began.at <= at < over.at:
            found.append(again.at - at)
    return found

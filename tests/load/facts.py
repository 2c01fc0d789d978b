"""What the database says of a run, read by plain SQL.

A `Query` runs one statement and gives rows of text: `postgres_rows` on one machine, `psql_rows` over what
`kubectl exec ... psql -At` prints on a cluster.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.load.history import History
from tests.load.people import DOMAIN

Rows = Sequence[Sequence[str]]
Query = Callable[[str], Rows]

#: Between two looks for jobs that have not ended.
LOOK_SECONDS = 0.5

# No value of these holds the sign that psql puts between columns, or a line's end.
USERS = "SELECT id, email, name, country, version FROM users WHERE email LIKE '{run}-%@{domain}' ORDER BY id"
KEYS = "SELECT key, status, body::json ->> 'id' FROM idempotency_keys WHERE key LIKE '{run}-%' ORDER BY created_at, key"
#: The run's jobs, and what else its API key's owner has that no key at all explains.
JOBS = """
    WITH ours AS (SELECT owner, body::json ->> 'id' AS id, key LIKE '{run}-%' AS is_ours FROM idempotency_keys
                  WHERE owner IN (SELECT owner FROM idempotency_keys WHERE key LIKE '{run}-%'))
    SELECT jobs.id, state, coalesce(result ->> 'read', ''), coalesce(result ->> 'inserted', ''), is_ours IS TRUE
    FROM jobs LEFT JOIN ours ON ours.id = jobs.id::text
    WHERE task IN ('users.import', 'faults.steps')
        AND (is_ours OR is_ours IS NULL AND jobs.created_at >= to_timestamp({begin})
                                        AND jobs.owner IN (SELECT owner FROM ours))
    ORDER BY jobs.created_at, jobs.id"""
EVENTS = """
    SELECT job_id, event FROM job_events
    WHERE job_id::text IN (SELECT body::json ->> 'id' FROM idempotency_keys WHERE key LIKE '{run}-%' AND status = 202)
    ORDER BY id"""
#: The steps that the run's jobs took, and those of jobs that are not there.
STEPS = """
    SELECT job_id, step FROM steps
    WHERE job_id::text IN (SELECT body::json ->> 'id' FROM idempotency_keys WHERE key LIKE '{run}-%' AND status = 202)
       OR job_id NOT IN (SELECT id FROM jobs)
    ORDER BY job_id, step"""
UNENDED = """
    SELECT count(*) FROM jobs WHERE state IN ('queued', 'running') AND id::text IN
        (SELECT body::json ->> 'id' FROM idempotency_keys WHERE key LIKE '{run}-%' AND status = 202)"""


class UserRow(NamedTuple):
    """A row of users."""

    id: int
    email: str
    name: str
    country: str
    version: int


class KeyRow(NamedTuple):
    """A row of idempotency_keys: the answer that is kept, and the user's or job's id in it."""

    key: str
    status: int
    id: str


class JobRow(NamedTuple):
    """A row of jobs; the counts are those of an import that succeeded."""

    id: str
    state: str
    read: int | None
    inserted: int | None
    #: Whether a key of the run was answered with it.
    explained: bool


@dataclass(frozen=True)
class Facts:
    """All rows that belong to a run."""

    users: Sequence[UserRow] = ()
    keys: Sequence[KeyRow] = ()
    jobs: Sequence[JobRow] = ()
    #: The names of job_events in order, by job.
    events: dict[str, list[str]] = field(default_factory=dict)
    #: Which steps were taken, in order, by job of `run_steps`.
    steps: dict[str, list[int]] = field(default_factory=dict)


def read_facts(history: History, query: Query) -> Facts:
    """Everything that the database holds of the run."""
    begin = min((event.at for event in history.events), default=0.0)
    values = {"run": history.run, "domain": DOMAIN, "begin": f"{begin:.3f}"}
    events: dict[str, list[str]] = defaultdict(list)
    for job, event in query(EVENTS.format(**values)):
        events[job].append(event)
    steps: dict[str, list[int]] = defaultdict(list)
    if any(event.kind == "run_steps" for event in history.events):
        for job, step in query(STEPS.format(**values)):
            steps[job].append(int(step))
    return Facts(
        [UserRow(int(row[0]), row[1], row[2], row[3], int(row[4])) for row in query(USERS.format(**values))],
        [KeyRow(key, int(status), found) for key, status, found in query(KEYS.format(**values))],
        [_job(row) for row in query(JOBS.format(**values))],
        dict(events),
        dict(steps),
    )


def settle(history: History, query: Query, *, seconds: float) -> bool:
    """Wait until every accepted job has ended, at most so long; whether they have."""
    deadline = time.monotonic() + seconds
    while True:
        ((unended,),) = query(UNENDED.format(run=history.run))
        if unended == "0" or time.monotonic() > deadline:
            return unended == "0"
        time.sleep(LOOK_SECONDS)


def psql_rows(psql: Callable[[str], str]) -> Query:
    """A query over a callable that gives what `psql -At` prints for a statement."""
    return lambda statement: [line.split("|") for line in psql(statement).splitlines() if line]


def postgres_rows(url: str) -> Query:
    """A query over a connection of its own for each statement."""
    import psycopg2  # here, so that the load generator starts without it

    def rows(statement: str) -> Rows:
        with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
            return cursor_rows(cursor)(statement)

    return rows


def cursor_rows(cursor: Any) -> Query:
    """A query in the transaction of a psycopg2 cursor."""

    def rows(statement: str) -> Rows:
        cursor.execute(statement)
        return [[_text(value) for value in row] for row in cursor.fetchall()]

    return rows


def _text(value: object) -> str:
    """A value as psql prints it."""
    if isinstance(value, bool):
        return "t" if value else "f"
    return "" if value is None else str(value)


def _job(row: Sequence[str]) -> JobRow:
    identity, state, read, inserted, explained = row
    return JobRow(identity, state, int(read) if read else None, int(inserted) if inserted else None, explained == "t")


def by_key(keys: Iterable[KeyRow]) -> dict[str, KeyRow]:
    """The rows by key."""
    return {row.key: row for row in keys}

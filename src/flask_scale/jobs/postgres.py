"""The jobs in PostgreSQL: what production runs on.

Failure policy: fail closed. SQLAlchemy's errors reach the caller; nothing is kept beside the database.
"""

import itertools
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from sqlalchemy import TextClause
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from flask_scale.database import Database
from flask_scale.jobs import failpoints, jsontext, statements
from flask_scale.jobs.contract import (
    KEEP,
    NO_LIMITS,
    WORKER_SILENCE_SECONDS,
    Backoff,
    Claim,
    Page,
    QueueStat,
    Standby,
    Standing,
)
from flask_scale.jobs.job import Hint, Job, JobEvent, JobState, Lease, NewJob, valid_id


class PostgresJobStore:
    """A `JobStore` over the tables of the library's own migrations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def transaction(self) -> AbstractContextManager[Session]:
        return self._database.transaction()

    def statement(self) -> AbstractContextManager[Session]:
        return self._database.statement()

    # What clients do.

    def insert(self, session: Session | None, new: NewJob) -> Job:
        failpoints.reach("insert.before")
        row = self._insert(session, new)
        failpoints.reach("insert.after")
        return Job.of(row)

    def get(self, job_id: str, owner: str | None = None, session: Session | None = None) -> Job | None:
        known = valid_id(job_id)
        return _job(self._first_in(session, statements.GET, id=known, owner=owner)) if known else None

    def search(self, page: Page) -> list[Job]:
        before_at, before_id = page.before or (None, None)
        rows = self._all(
            statements.LIST,
            owner=page.owner,
            state=page.state,
            task=page.task,
            limit=page.limit,
            before_at=before_at,
            before_id=before_id,
        )
        return [Job.of(row) for row in rows]

    def events(self, job_id: str) -> list[JobEvent]:
        known = valid_id(job_id)
        return [JobEvent(**row) for row in self._all(statements.EVENTS, id=known)] if known else []

    def cancel(
        self,
        job_id: str,
        owner: str | None = None,
        session: Session | None = None,
        state: JobState | None = None,
    ) -> Job | None:
        known = valid_id(job_id)
        values = {"id": known, "owner": owner, "state": state, "detail": None}
        return _job(self._first_in(session, statements.CANCEL, **values)) if known else None

    def requeue(self, job_id: str, *, dispatched: bool) -> Job | None:
        known = valid_id(job_id)
        try:
            row = self._first(statements.REQUEUE, id=known, dispatched=dispatched, detail=None) if known else None
        except IntegrityError:
            return None  # An unfinished job has its unique key.
        return _job(row)

    # What an attempt does.

    def claim(
        self,
        job_id: str,
        *,
        tasks: Sequence[str],
        worker: str,
        lease_seconds: float,
        limits: Mapping[str, int] = NO_LIMITS,
    ) -> Claim | None:
        known = valid_id(job_id)
        if known is None:
            return None
        failpoints.reach("claim.before")
        values = {"id": known, "worker": worker, "lease": lease_seconds, "detail": None}
        row = self._first(statements.CLAIM, tasks=[task for task in tasks if task not in limits], **values)
        if row is None and limits:
            row = self._claim_slot({task: limits[task] for task in tasks if task in limits}, values)
        failpoints.reach("claim.after")
        return _claim(row)

    def claim_next(self, queue: str, *, tasks: Sequence[str], worker: str, lease_seconds: float) -> Claim | None:
        failpoints.reach("claim.before")
        values = {"queue": queue, "tasks": list(tasks), "worker": worker, "lease": lease_seconds}
        row = self._first(statements.CLAIM_NEXT, **values, detail=None)
        failpoints.reach("claim.after")
        return _claim(row)

    def _claim_slot(self, limits: Mapping[str, int], values: dict[str, Any]) -> Mapping[str, Any] | None:
        with self.transaction() as session:
            found = _first(session, statements.LOCK_CLAIMABLE, id=values["id"], tasks=list(limits))
            if found is None:
                return None
            task = found["task"]
            session.execute(statements.TAKE_TURN, {"task": task})
            row = _first(session, statements.CLAIM_SLOT, tasks=[task], task=task, max_running=limits[task], **values)
            if row is None:
                session.execute(statements.UNDISPATCH, {"ids": [values["id"]]})
            return row

    def renew(self, lease: Lease, lease_seconds: float) -> Standing:
        return _standing(self._first(statements.RENEW, **_fence(lease), lease=lease_seconds))

    def hold(self, session: Session, lease: Lease) -> Standing:
        return _standing(_first(session, statements.HOLD, **_fence(lease)))

    def save(
        self, session: Session, lease: Lease, *, checkpoint: Any, progress: dict[str, Any] | None, lease_seconds: float
    ) -> Standing:
        row = _first(
            session,
            statements.SAVE,
            **_fence(lease),
            has_checkpoint=checkpoint is not KEEP,
            checkpoint=None if checkpoint is KEEP else jsontext.dump(checkpoint),
            progress=progress and jsontext.dump(progress),
            lease=lease_seconds,
        )
        return _standing(row)

    def succeed(self, session: Session, lease: Lease, result: str) -> bool:
        failpoints.reach("completion.before")
        return _first(session, statements.SUCCEED, **_fence(lease), result=result, detail=None) is not None

    def succeed_and_claim_next(
        self, lease: Lease, result: str, queue: str, *, tasks: Sequence[str], worker: str, lease_seconds: float
    ) -> tuple[bool, Claim | None]:
        failpoints.reach("completion.before")
        failpoints.reach("claim.before")
        values = {"queue": queue, "tasks": list(tasks), "worker": worker, "lease": lease_seconds}
        row = self._first(statements.SUCCEED_AND_CLAIM_NEXT, **_fence(lease), result=result, **values)
        failpoints.reach("claim.after")
        assert row is not None  # It always has its one row.
        return row["ended"], _claim(row if row["id"] else None)

    def fail(self, lease: Lease, error: dict[str, str], *, permanent: bool, backoff: Backoff) -> JobState | None:
        row = self._first(
            statements.FAIL,
            **_fence(lease),
            error=jsontext.dump(error),
            permanent=permanent,
            base=backoff.base,
            cap=backoff.cap,
            detail=jsontext.dump({"type": error["type"], "message": error["message"]}),
        )
        return row["state"] if row else None

    def stop(self, lease: Lease) -> bool:
        return self._first(statements.STOP, **_fence(lease), detail=None) is not None

    def release(self, lease: Lease) -> bool:
        return self._first(statements.RELEASE, **_fence(lease), detail=None) is not None

    # What the reconciler does.

    def expire(self, limit: int) -> list[Job]:
        return [Job.of(row) for row in self._all(statements.EXPIRE, limit=limit, detail=None)]

    def due(self, queue: str, tasks: Sequence[str], limit: int) -> list[Hint]:
        return [_hint(row) for row in self._all(statements.DUE, queue=queue, tasks=list(tasks), limit=limit)]

    def take_undispatched(self, tasks: Sequence[str], limit: int) -> list[Hint]:
        return [_hint(row) for row in self._all(statements.TAKE_UNDISPATCHED, tasks=list(tasks), limit=limit)]

    def take_waiting(self, limits: Mapping[str, int], queues: Sequence[str]) -> list[Hint]:
        rows = [
            self._all(statements.TAKE_WAITING, task=task, max_running=most, queues=list(queues))
            for task, most in limits.items()
        ]
        return [_hint(row, alone=True) for row in itertools.chain.from_iterable(rows)]

    def overdue_queues(self, tasks: Sequence[str], grace_seconds: float) -> dict[str, int]:
        rows = self._all(statements.OVERDUE_QUEUES, tasks=list(tasks), grace=grace_seconds)
        return {row["queue"]: row["due"] for row in rows}

    def take_overdue(self, tasks: Sequence[str], queue: str, grace_seconds: float, limit: int) -> list[Hint]:
        rows = self._all(
            statements.TAKE_OVERDUE, tasks=list(tasks), queue=queue, grace=grace_seconds, limit=limit, detail=None
        )
        return [_hint(row) for row in rows]

    def undispatch(self, job_ids: Sequence[str]) -> None:
        with self.statement() as session:
            session.execute(statements.UNDISPATCH, {"ids": list(job_ids)})

    def schedules(self, names: Sequence[str]) -> tuple[datetime, dict[str, Standby]]:
        rows = self._all(statements.SCHEDULES, names=list(names))
        there = [row for row in rows if row["name"] is not None]
        return rows[0]["now"], {row["name"]: Standby(row["cron"], row["time_zone"], row["tick"]) for row in there}

    def note_schedule(self, name: str, due: Standby) -> None:
        with self.statement() as session:
            session.execute(statements.NOTE_SCHEDULE, {"name": name, **due._asdict()})

    def start_periodic(self, name: str, due: Standby, new: NewJob) -> Job | None:
        detail = jsontext.dump({"schedule": name, "tick": due.tick.isoformat()})
        values = {"name": name, **due._asdict(), **vars(new), "detail": detail}
        return _job(self._first(statements.START_PERIODIC, **values))

    def see_worker(self, worker: str, tasks: Sequence[str], queues: Sequence[str]) -> None:
        with self.statement() as session:
            session.execute(statements.SEE_WORKER, {"worker": worker, "tasks": list(tasks), "queues": list(queues)})

    def forget_worker(self, worker: str) -> None:
        with self.statement() as session:
            session.execute(statements.FORGET_WORKER, {"worker": worker})

    def purge(self, limit: int, *, age_seconds: float, state: JobState | None = None) -> int:
        return len(self._all(statements.PURGE, limit=limit, age=age_seconds, state=state))

    def count_finished(self, *, age_seconds: float, state: JobState | None = None) -> int:
        return int(self._all(statements.COUNT_FINISHED, age=age_seconds, state=state)[0]["found"])

    def purge_keys(self, limit: int) -> int:
        return len(self._all(statements.PURGE_KEYS, limit=limit))

    # What is going on.

    def queue_stats(self) -> list[QueueStat]:
        return [QueueStat(row["queue"], row["depth"], row["age"]) for row in self._all(statements.QUEUE_STATS)]

    def running(self) -> dict[str, int]:
        return {row["queue"]: row["running"] for row in self._all(statements.RUNNING)}

    def unhandled(self) -> dict[str, int]:
        return {row["task"]: row["depth"] for row in self._all(statements.UNHANDLED, age=WORKER_SILENCE_SECONDS)}

    def _first(self, statement: TextClause, **values: Any) -> Mapping[str, Any] | None:
        if statement in statements.PREPARED:
            rows, columns = self._database.fetch(statements.PREPARED[statement], values)
            return dict(zip([column.name for column in columns], rows[0], strict=True)) if rows else None
        with self.statement() as session:
            return _first(session, statement, **values)

    def _insert(self, session: Session | None, new: NewJob) -> Mapping[str, Any]:
        statement = statements.INSERT if new.unique_key is None else statements.INSERT_UNIQUE
        key = {"task": new.task, "owner": new.owner, "unique_key": new.unique_key}
        while True:
            row = self._first_in(session, statement, **vars(new), detail=None)
            if row is None:  # Unless the job with the key has ended since, this finds it.
                row = self._first_in(session, statements.FIND_UNIQUE, **key)
            if row is not None:
                return row

    def _first_in(self, session: Session | None, statement: TextClause, **values: Any) -> Mapping[str, Any] | None:
        return self._first(statement, **values) if session is None else _first(session, statement, **values)

    def _all(self, statement: TextClause, **values: Any) -> list[Mapping[str, Any]]:
        with self.statement() as session:
            return [dict(row) for row in session.execute(statement, values).mappings()]


def _first(session: Session, statement: TextClause, **values: Any) -> Mapping[str, Any] | None:
    row = session.execute(statement, values).mappings().first()
    return dict(row) if row is not None else None


def _fence(lease: Lease) -> dict[str, str]:
    return {"id": lease.job_id, "token": lease.token}


def _standing(row: Mapping[str, Any] | None) -> Standing:
    if row is None:
        return "lost"
    return "cancel" if row["cancel_requested"] else "held"


def _claim(row: Mapping[str, Any] | None) -> Claim | None:
    return Claim(Job.of(row), Lease(str(row["id"]), str(row["lease_token"]))) if row else None


def _job(row: Mapping[str, Any] | None) -> Job | None:
    return Job.of(row) if row is not None else None


def _hint(row: Mapping[str, Any], *, alone: bool = False) -> Hint:
    return Hint(str(row["id"]), row["queue"], row["timeout_seconds"], alone)

"""What an import writes: users by the ten thousand, refused rows, and the report of them.

Rows go by COPY into a temporary table and from there in one statement to where they belong, in email
order: that is kind to the indexes, and no two imports wait for each other in a circle. Every function
but `forget_purged` takes the caller's session and leaves the commit to it.
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self
from uuid import UUID

from sqlalchemy import CursorResult, delete, select, text
from sqlalchemy.orm import Session

from flask_scale.database import Database
from services.domain.errors import ImportConflict
from services.domain.import_rows import ImportRow, Refusal
from services.domain.models import HeldRow, ImportRefusal
from services.domain.tasks import OnConflict

_STAGE = """CREATE TEMPORARY TABLE import_stage
    (email text COLLATE "C", name text, country text COLLATE "C", created_at timestamptz, line bigint)
    ON COMMIT DROP"""

_SKIP_KNOWN = text("""INSERT INTO users (email, name, country, created_at)
    SELECT email, name, country, coalesce(created_at, now()) FROM import_stage ORDER BY email
    ON CONFLICT (email) DO NOTHING""")

#: A row without a date came with the transaction's own time: its user keeps the date that is there.
_UPDATE_KNOWN = text("""WITH written AS (
        INSERT INTO users (email, name, country, created_at)
        SELECT email, name, country, coalesce(created_at, now()) FROM import_stage ORDER BY email
        ON CONFLICT (email) DO UPDATE SET name = excluded.name, country = excluded.country,
            created_at = CASE excluded.created_at WHEN now() THEN users.created_at ELSE excluded.created_at END,
            updated_at = now(), version = users.version + 1
        RETURNING xmax = 0 AS is_new)
    SELECT count(*) FILTER (WHERE is_new) FROM written""")

#: Gives the first row that could not be held.
_HOLD = text("""WITH held AS (
        INSERT INTO import_held_rows (job_id, email, name, country, created_at, line)
        SELECT :job_id, email, name, country, created_at, line FROM import_stage ORDER BY email
        ON CONFLICT (job_id, email) DO NOTHING RETURNING email)
    SELECT line, email FROM import_stage AS row
    WHERE NOT EXISTS (SELECT FROM held WHERE held.email = row.email)
       OR EXISTS (SELECT FROM users WHERE users.email = row.email)
    ORDER BY line LIMIT 1""")

#: Gives the first row whose user was there.
_RELEASE = text("""WITH inserted AS (
        INSERT INTO users (email, name, country, created_at)
        SELECT email, name, country, coalesce(created_at, now()) FROM import_held_rows
        WHERE job_id = :job_id ORDER BY email
        ON CONFLICT (email) DO NOTHING RETURNING email)
    SELECT line, email FROM import_held_rows AS row
    WHERE job_id = :job_id AND NOT EXISTS (SELECT FROM inserted WHERE inserted.email = row.email)
    ORDER BY line LIMIT 1""")

#: Imports that left rows and whose job is gone. It looks at one row of each import, not at all.
_PURGED = text("""WITH RECURSIVE import AS (
        SELECT CAST(:nil AS uuid) AS job_id
        UNION ALL
        SELECT least(
            (SELECT job_id FROM import_refusals AS row WHERE row.job_id > import.job_id ORDER BY job_id LIMIT 1),
            (SELECT job_id FROM import_held_rows AS row WHERE row.job_id > import.job_id ORDER BY job_id LIMIT 1))
        FROM import WHERE job_id IS NOT NULL)
    SELECT job_id FROM import
    WHERE job_id > CAST(:nil AS uuid) AND NOT EXISTS (SELECT FROM jobs WHERE jobs.id = import.job_id)""")


@dataclass(frozen=True)
class Counts:
    """What became of the rows; `read` is the sum of the others."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    skipped: int = 0
    refused: int = 0

    def __add__(self, other: Self) -> "Counts":
        return Counts(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Counts)))


def write(
    session: Session, job_id: UUID, on_conflict: OnConflict, rows: Sequence[ImportRow], refusals: Sequence[Refusal]
) -> Counts:
    """Write some of a file's rows, in the file's order, and what was refused between them; once a transaction.

    Raises:
        ImportConflict: with `fail`, at the first row whose user is there; roll back.
    """
    if refusals:
        _copy(session, _COPY_REFUSALS, [(job_id, *refusal) for refusal in refusals])
    counts = WRITERS[on_conflict](session, job_id, rows) if rows else Counts()
    return counts + Counts(read=len(rows) + len(refusals), refused=len(refusals))


def release_held(session: Session, job_id: UUID) -> None:
    """Turn the rows that `fail` held back into users, all of them.

    Raises:
        ImportConflict: one is there by now; roll back.
    """
    session.execute(text("SET LOCAL statement_timeout = 0"))
    conflict = session.execute(_RELEASE, {"job_id": job_id}).first()
    if conflict is not None:
        raise ImportConflict(conflict.line, conflict.email)
    _forget_held(session, job_id)


def forget(session: Session, job_id: UUID) -> None:
    """Drop what an import wrote besides users, so that it can begin again."""
    session.execute(delete(ImportRefusal).where(ImportRefusal.job_id == job_id))
    _forget_held(session, job_id)


def forget_purged(database: Database) -> None:
    """Drop what imports wrote besides users and whose jobs were purged: a report is there as long as its job."""
    with database.transaction() as session:
        purged = session.scalars(_PURGED, {"nil": UUID(int=0)}).all()
    for job_id in purged:
        with database.transaction() as session:
            session.execute(text("SET LOCAL statement_timeout = 0"))
            forget(session, job_id)


def refusals(session: Session, job_id: UUID, *, after_line: int = 0, limit: int) -> Sequence[ImportRefusal]:
    """A part of the report, by line."""
    statement = select(ImportRefusal).where(ImportRefusal.job_id == job_id, ImportRefusal.line > after_line)
    return session.scalars(statement.order_by(ImportRefusal.line).limit(limit)).all()


def _skip_known(session: Session, job_id: UUID, rows: Sequence[ImportRow]) -> Counts:
    """Add the users that are not there; an email's first row counts."""
    _stage(session, _firsts(rows))
    result = session.execute(_SKIP_KNOWN)
    assert isinstance(result, CursorResult)
    return Counts(inserted=result.rowcount, skipped=len(rows) - result.rowcount)


def _update_known(session: Session, job_id: UUID, rows: Sequence[ImportRow]) -> Counts:
    """Add or change users; an email's last row counts, and its last date."""
    lasts: dict[str, ImportRow] = {}
    for row in rows:
        before = lasts.get(row.email)
        lasts[row.email] = row if before is None or row.created_at else row._replace(created_at=before.created_at)
    _stage(session, lasts)
    inserted = session.scalars(_UPDATE_KNOWN).one()
    return Counts(inserted=inserted, updated=len(rows) - inserted)


def _hold(session: Session, job_id: UUID, rows: Sequence[ImportRow]) -> Counts:
    """Keep the rows apart until the whole file is known to be free of conflicts."""
    firsts = _firsts(rows)
    _stage(session, firsts)
    again = next((row for row in rows if firsts[row.email] is not row), None)
    found = session.execute(_HOLD, {"job_id": job_id}).first()
    conflicts = [(row.line, row.email) for row in (again, found) if row is not None]
    if conflicts:
        raise ImportConflict(*min(conflicts))
    return Counts(inserted=len(rows))


WRITERS: Mapping[OnConflict, Callable[[Session, UUID, Sequence[ImportRow]], Counts]] = {
    "skip": _skip_known,
    "update": _update_known,
    "fail": _hold,
}

_COPY_ROWS = "COPY import_stage (email, name, country, created_at, line) FROM STDIN (FORMAT csv)"
_COPY_REFUSALS = (
    'COPY import_refusals (job_id, line, "column", value, reason) FROM STDIN (FORMAT csv, FORCE_NOT_NULL (value))'
)


def _firsts(rows: Iterable[ImportRow]) -> dict[str, ImportRow]:
    firsts: dict[str, ImportRow] = {}
    for row in rows:
        firsts.setdefault(row.email, row)
    return firsts


def _stage(session: Session, rows: Mapping[str, ImportRow]) -> None:
    session.execute(text(_STAGE))
    _copy(session, _COPY_ROWS, sorted(rows.values()))


def _copy(session: Session, statement: str, rows: Iterable[Sequence[Any]]) -> None:
    lines = io.StringIO(newline="")
    csv.writer(lines).writerows(rows)
    lines.seek(0)
    connection: Any = session.connection().connection
    with connection.cursor() as cursor:
        cursor.copy_expert(statement, lines)


def _forget_held(session: Session, job_id: UUID) -> None:
    session.execute(delete(HeldRow).where(HeldRow.job_id == job_id))

"""The import job: reads a CSV file into the directory, in steps that each commit with a checkpoint.

A step's users, refusals and checkpoint are one transaction under the job's fence. So when an attempt is
killed the next goes on behind the last step that was committed: no row is there twice, and counts and report
are those of an undisturbed run.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, Self
from uuid import UUID

from flask_scale.errors import PermanentJobError
from flask_scale.jobs.running import RunningJob
from services.domain import files, imports, statistics
from services.domain.csv_header import Header, read_header
from services.domain.csv_reader import CsvReader, Position
from services.domain.errors import FileGone, ImportConflict, NotAnImport
from services.domain.files import FileReader
from services.domain.import_rows import ImportRow, Refusal, RowChecker
from services.domain.imports import Counts
from services.domain.models import File
from services.domain.scale import scale
from services.domain.tasks import ImportArgs

#: Rows of one step. Fewer cost more commits, more lose more work to a kill and gain no speed.
STEP_ROWS = 10_000


@dataclass(frozen=True)
class Checkpoint:
    """What the steps so far came to, and where the next one begins."""

    position: Position
    counts: Counts = field(default_factory=Counts)

    def as_json(self) -> dict[str, Any]:
        """What the job's row keeps."""
        return {**self.position._asdict(), "counts": asdict(self.counts)}

    @classmethod
    def of(cls, kept: dict[str, Any]) -> Self:
        """The checkpoint that `as_json` wrote."""
        return cls(Position(kept["offset"], kept["line"]), Counts(**kept["counts"]))


def run(job: RunningJob, args: ImportArgs) -> dict[str, int]:
    """Import the file; gives the counts.

    Raises:
        PermanentJobError: the file is gone or is no import, or `fail` met a conflict.
    """
    files.remove_expired(scale.database, scale.jobs)
    imports.forget_purged(scale.database)
    try:
        return _Import(job, args).run()
    except (NotAnImport, FileGone, ImportConflict) as error:
        raise PermanentJobError(str(error)) from error
    finally:
        statistics.invalidate()


class _Import:
    def __init__(self, job: RunningJob, args: ImportArgs) -> None:
        self._job = job
        self._id = UUID(job.id)
        self._on_conflict = args.on_conflict
        self._file = self._find_file(args.file_id)
        self._header = self._read_header()

    def run(self) -> dict[str, int]:
        try:
            return self._read()
        except ImportConflict as conflict:
            self._undo(conflict)
            raise

    def _read(self) -> dict[str, int]:
        checkpoint = Checkpoint.of(self._job.checkpoint) if self._job.checkpoint else self._begin()
        reader = CsvReader(self._bytes(checkpoint.position.offset), checkpoint.position)
        checker = RowChecker(self._header)
        rows = map(checker.check, reader)
        while step := list(islice(rows, STEP_ROWS)):
            checkpoint = self._commit(step, reader.position, checkpoint.counts)
        return self._finish(checkpoint.counts)

    def _undo(self, conflict: ImportConflict) -> None:
        """Keep nothing but the conflict's line in the report. A requeued job begins again."""
        why = Refusal(conflict.line, "email", conflict.email, "is in the directory already, or twice in the file")
        with self._job.transaction() as session:
            imports.forget(session, self._id)
            imports.write(session, self._id, self._on_conflict, [], [why])
            self._job.save(session, checkpoint=None)

    def _begin(self) -> Checkpoint:
        with self._job.transaction() as session:
            imports.forget(session, self._id)
        return Checkpoint(self._header.rows_start)

    def _commit(self, step: list[ImportRow | Refusal], end: Position, counts: Counts) -> Checkpoint:
        """Write one step, which ends at `end`, with the checkpoint behind it."""
        good = [row for row in step if isinstance(row, ImportRow)]
        refused = [row for row in step if isinstance(row, Refusal)]
        with self._job.transaction() as session:
            counts += imports.write(session, self._id, self._on_conflict, good, refused)
            checkpoint = Checkpoint(end, counts)
            self._job.save(session, checkpoint=checkpoint.as_json(), done=end.offset, total=self._file.size)
        return checkpoint

    def _finish(self, counts: Counts) -> dict[str, int]:
        """Drop the file and end the job; with `fail`, add the users first."""
        result = asdict(counts)
        # Not under the job's lock, which the heartbeat needs: `complete` checks the fence at the end.
        with scale.database.transaction() as session:
            if self._on_conflict == "fail":
                imports.release_held(session, self._id)
            files.remove_of_job(session, self._id)
            self._job.complete(session, result)
        return result

    def _find_file(self, file_id: UUID) -> File:
        with scale.database.transaction() as session:
            return files.find(session, file_id)

    def _read_header(self) -> Header:
        return read_header(next(self._bytes(0), b""))

    def _bytes(self, offset: int) -> Iterator[bytes]:
        return iter(FileReader.of(scale.database, self._file, offset))

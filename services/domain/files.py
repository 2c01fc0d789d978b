"""Files in PostgreSQL, in chunks: API and worker share no disk, and neither holds a whole file in memory."""

import hashlib
from collections.abc import Iterator
from typing import Self
from uuid import UUID

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.orm import Session

from flask_scale.database import Database
from flask_scale.errors import JobNotFound
from flask_scale.jobs import Jobs
from services.domain.errors import FileGone
from services.domain.models import File, FileChunk

#: Every chunk but the last has this many bytes, so that a byte's chunk is known without looking.
FILE_CHUNK_BYTES = 256 * 1024

#: A file that nobody finished, or whose import failed, is kept this long for a requeue.
LEFTOVER_DAYS = 7


class FileWriter:
    """Writes one file from its beginning. Memory: one chunk and what is written at once.

    The file's row has to be there. Each call may use another session; the caller commits, and
    nobody should read the file before `close` was committed.
    """

    def __init__(self, file_id: UUID) -> None:
        self.size = 0
        self._file_id = file_id
        self._hash = hashlib.sha256()
        self._rest = bytearray()

    def write(self, session: Session, data: bytes) -> None:
        """Add `data`, and insert the chunks that are full."""
        self._hash.update(data)
        self._rest += data
        while len(self._rest) >= FILE_CHUNK_BYTES:
            self._insert(session, FILE_CHUNK_BYTES)

    def close(self, session: Session) -> None:
        """Insert the rest, and note size and SHA-256 on the file: it is whole now."""
        if self._rest:
            self._insert(session, len(self._rest))
        values = {"size": self.size, "sha256": self.sha256}
        session.execute(update(File).where(File.id == self._file_id).values(values))

    @property
    def sha256(self) -> str:
        """Of all that was written, hexadecimal."""
        return self._hash.hexdigest()

    def _insert(self, session: Session, size: int) -> None:
        number = self.size // FILE_CHUNK_BYTES
        values = {"file_id": self._file_id, "number": number, "data": bytes(self._rest[:size])}
        session.execute(insert(FileChunk).values(values))
        self.size += size
        del self._rest[:size]


class FileReader:
    """A file's bytes in order, a chunk a step, each read in a short transaction of its own.

    It can be given to Werkzeug as a response: it seeks to a chunk without reading those before.

    Raises:
        FileGone: while reading, the file was removed.
    """

    def __init__(self, database: Database, file_id: UUID, size: int, offset: int = 0) -> None:
        self._database = database
        self._file_id = file_id
        self._size = size
        self._offset = offset

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._offset >= self._size:
            raise StopIteration
        number, skip = divmod(self._offset, FILE_CHUNK_BYTES)
        with self._database.transaction() as session:
            data = session.scalar(
                select(FileChunk.data).where(FileChunk.file_id == self._file_id, FileChunk.number == number)
            )
        if data is None:
            raise FileGone("the file was removed while it was read")
        self._offset += len(data) - skip
        return bytes(data[skip:])

    def seekable(self) -> bool:
        """True: `seek` costs nothing."""
        return True

    def seek(self, offset: int) -> int:
        """Go on at byte `offset`, from 0."""
        self._offset = offset
        return offset

    def tell(self) -> int:
        """The byte at which the next step begins."""
        return self._offset

    @classmethod
    def of(cls, database: Database, file: File, offset: int = 0) -> Self:
        """The bytes of a whole file from `offset` on."""
        return cls(database, file.id, file.size, offset)


def create(session: Session, *, name: str, content_type: str, job_id: UUID | None = None) -> File:
    """Add an empty file, to be filled by a `FileWriter`. The caller commits."""
    file = File(name=name, content_type=content_type, job_id=job_id)
    session.add(file)
    session.flush()
    return file


def find(session: Session, file_id: UUID) -> File:
    """The file, whole or not.

    Raises:
        FileGone: it was removed, or never there.
    """
    file = session.get(File, file_id)
    if file is None:
        raise FileGone("the file was removed")
    return file


def find_finished(session: Session, job_id: UUID) -> File:
    """The whole file that a job wrote.

    Raises:
        FileGone: its time is over.
    """
    file = session.scalar(
        select(File).where(File.job_id == job_id, File.sha256.is_not(None), File.expires_at > func.now())
    )
    if file is None:
        raise FileGone("the file's time is over")
    return file


def remove_of_job(session: Session, job_id: UUID) -> None:
    """Delete what a job read or wrote. The caller commits."""
    session.execute(delete(File).where(File.job_id == job_id))


def remove_expired(database: Database, jobs: Jobs) -> None:
    """Delete the files whose time is over, and leftovers whose job will not run again by itself."""
    old = text(f"now() - interval '{LEFTOVER_DAYS} days'")
    with database.transaction() as session:
        session.execute(delete(File).where(File.expires_at <= func.now()))
        leftovers = session.execute(
            select(File.id, File.job_id).where(File.expires_at.is_(None), File.created_at < old)
        ).all()
    over = [file_id for file_id, job_id in leftovers if job_id is None or _is_over(jobs, job_id)]
    with database.transaction() as session:
        session.execute(delete(File).where(File.id.in_(over)))


def _is_over(jobs: Jobs, job_id: UUID) -> bool:
    try:
        return jobs.get(str(job_id)).finished
    except JobNotFound:
        return True

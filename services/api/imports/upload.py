"""Receiving a CSV file: raw or in a form, plain or gzip, streamed into the database.

Each function takes pieces of bytes and gives pieces of bytes, so memory stays at some hundred KiB
whatever the file's size. All of it is received, to a temporary file, before a database connection is
taken: a client that sends slowly holds none.
"""

from collections.abc import Iterator
from itertools import chain
from tempfile import TemporaryFile
from typing import IO

from flask import request
from werkzeug.sansio import multipart
from werkzeug.sansio.multipart import MultipartDecoder

from services.api.problems import Problem
from services.domain import files
from services.domain.csv_header import read_header
from services.domain.errors import NotAnImport
from services.domain.files import FILE_CHUNK_BYTES, FileWriter
from services.domain.models import File
from services.domain.scale import scale
from services.domain.settings import directory_settings
from services.domain.unpacking import unpack

PIECE_BYTES = 64 * 1024

#: Longest headers of a part, and most parts of a form.
MAX_FORM_BUFFER = 4 * PIECE_BYTES
MAX_FORM_PARTS = 10

FORM = "multipart/form-data"
PLAIN_TYPES = frozenset({"", "text/csv", "text/plain", "application/csv", "application/octet-stream"})
GZIP_TYPES = frozenset({"application/gzip", "application/x-gzip"})

GZIP_MAGIC = b"\x1f\x8b"


def store_upload() -> tuple[File, str]:
    """Write the request's CSV to a file through `scale.session`; gives the file and its SHA-256. The caller commits.

    Raises:
        Problem: media-type, malformed, too-large
        NotAnImport: no user can be read from it.
        NotGzip, UnpacksTooLarge
    """
    with TemporaryFile() as spool:
        _receive(spool)
        return _store(spool)


def _receive(spool: IO[bytes]) -> None:
    beginning, rest = _begin(_read_csv(), FILE_CHUNK_BYTES)
    read_header(beginning)
    for piece in chain([beginning], rest):
        spool.write(piece)
    spool.seek(0)


def _store(spool: IO[bytes]) -> tuple[File, str]:
    file = files.create(scale.session, name="import.csv", content_type="text/csv")
    writer = FileWriter(file.id)
    while piece := spool.read(FILE_CHUNK_BYTES):
        writer.write(scale.session, piece)
    writer.close(scale.session)
    return file, writer.sha256


def _read_csv() -> Iterator[bytes]:
    """The bytes of the CSV, whatever it is wrapped in."""
    pieces = _read_request()
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding == "gzip":
        pieces = _unpack(pieces)
    elif encoding != "identity":
        raise Problem("media-type", "the only Content-Encoding is gzip", headers={"Accept-Encoding": "gzip"})
    if request.mimetype == FORM:
        pieces = _read_form(pieces)
    elif request.mimetype not in PLAIN_TYPES | GZIP_TYPES:
        raise Problem("media-type", "send text/csv, application/gzip, or a multipart/form-data with one file")
    beginning, rest = _begin(pieces, len(GZIP_MAGIC))
    pieces = chain([beginning], rest)
    is_gzip = beginning.startswith(GZIP_MAGIC) or (request.mimetype in GZIP_TYPES and encoding == "identity")
    return _unpack(pieces) if is_gzip else pieces


def _read_request() -> Iterator[bytes]:
    request.max_content_length = directory_settings().max_import_bytes
    while piece := request.stream.read(PIECE_BYTES):
        yield piece


def _unpack(pieces: Iterator[bytes]) -> Iterator[bytes]:
    settings = directory_settings()
    return unpack(pieces, max_bytes=settings.max_import_unpacked_bytes, max_ratio=settings.max_unpack_ratio)


def _begin(pieces: Iterator[bytes], size: int) -> tuple[bytes, Iterator[bytes]]:
    """The first `size` bytes or some more, less only where there are no more; and the pieces behind them."""
    beginning = bytearray()
    while len(beginning) < size and (piece := next(pieces, None)) is not None:
        beginning += piece
    return bytes(beginning), pieces


def _read_form(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The bytes of the one file of a form. Its other fields are left aside."""
    boundary = request.mimetype_params.get("boundary", "").encode("latin-1", "replace")
    if not boundary:
        raise Problem("malformed", "the Content-Type names no boundary")
    in_file = found = False
    for event in _form_events(MultipartDecoder(boundary, MAX_FORM_BUFFER, max_parts=MAX_FORM_PARTS), pieces):
        if isinstance(event, multipart.File):
            if found:
                raise NotAnImport("the form has more than one file")
            in_file = found = True
        elif isinstance(event, multipart.Field):
            in_file = False
        elif isinstance(event, multipart.Data) and in_file:
            yield event.data
    if not found:
        raise NotAnImport("the form has no file")


def _form_events(decoder: MultipartDecoder, pieces: Iterator[bytes]) -> Iterator[multipart.Event]:
    """Every event that the decoder finds in the pieces."""
    try:
        for piece in chain(pieces, [None]):
            decoder.receive_data(piece)
            while not isinstance(event := decoder.next_event(), multipart.NeedData | multipart.Epilogue):
                yield event
    except ValueError as error:
        raise Problem("malformed", f"the form cannot be read: {error}") from error

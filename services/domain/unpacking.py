"""Unpacking gzip that a client sent, within bounds of size and ratio."""

import zlib
from collections.abc import Iterable, Iterator

from services.domain.errors import NotGzip, UnpacksTooLarge

#: Unpacked bytes that one step gives at most.
STEP_BYTES = 64 * 1024
#: Below this many unpacked bytes the ratio is not looked at: small bodies pack well.
RATIO_FLOOR_BYTES = 1024 * 1024

_GZIP = 16 + zlib.MAX_WBITS


def unpack(chunks: Iterable[bytes], *, max_bytes: int, max_ratio: int) -> Iterator[bytes]:
    """Give the unpacked bytes in pieces of at most `STEP_BYTES`; several gzip members are one stream.

    Raises:
        NotGzip: corrupt, cut short, or something else altogether.
        UnpacksTooLarge: over `max_bytes`, or over `max_ratio` times what came in.
    """
    unpacker = _Unpacker()
    packed = unpacked = 0
    for chunk in chunks:
        packed += len(chunk)
        for piece in unpacker.feed(chunk):
            unpacked += len(piece)
            if unpacked > max_bytes:
                raise UnpacksTooLarge(f"unpacks to more than {max_bytes} bytes")
            if unpacked > max(RATIO_FLOOR_BYTES, packed * max_ratio):
                raise UnpacksTooLarge(f"unpacks to more than {max_ratio} times its size")
            yield piece
    unpacker.end()


class _Unpacker:
    """Gzip members, one after the other."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        while chunk:
            if self._member.eof:
                chunk = chunk.lstrip(b"\0")
                if not chunk:
                    return
                self._member = zlib.decompressobj(_GZIP)
            try:
                piece = self._member.decompress(chunk, STEP_BYTES)
            except zlib.error as error:
                raise NotGzip("the data is not gzip") from error
            chunk = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if piece:
                yield piece

    def end(self) -> None:
        if not self._member.eof:
            raise NotGzip("the gzip data ends too early")

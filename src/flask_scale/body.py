"""A response body that tells when it ends: sent, failed, or given up by its reader."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class Body:
    """Passes chunks on, counts their bytes, and calls `ended(bytes)` once.

    It has ended when its last chunk was read, when it is closed, or when a reader forgot it.
    """

    __slots__ = ("_chunks", "_ended", "_source", "sent")

    def __init__(self, source: Iterable[bytes], ended: Callable[[int], None]) -> None:
        self._source = source
        self._chunks = iter(source)
        self._ended: Callable[[int], None] | None = ended
        self.sent = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            chunk = next(self._chunks)
        except StopIteration:
            self._end()
            raise
        self.sent += len(chunk)
        return chunk

    def tell(self, ended: Callable[[int], None]) -> None:
        """Call `ended` too, after the one that it was made with: one of these is cheaper than two around each other."""
        first = self._ended
        if first is None:
            ended(self.sent)
            return

        def both(sent: int) -> None:
            try:
                first(sent)
            finally:
                ended(sent)

        self._ended = both

    def close(self) -> None:
        """Close the source, then say that it ended, whatever the source raises."""
        try:
            close = getattr(self._source, "close", None)
            if close is not None:
                close()
        finally:
            self._end()

    def __del__(self) -> None:
        self._end()

    def _end(self) -> None:
        ended, self._ended = self._ended, None
        if ended is not None:
            ended(self.sent)


def watched(environ: "WSGIEnvironment", body: Iterable[bytes], ended: Callable[[int], None]) -> Iterable[bytes]:
    """Give back `body` so that `ended` is called with its size in bytes at its end.

    A body of the server's own `wsgi.file_wrapper` stays one, so that the server may still send
    the file itself; its size is then given as 0.
    """
    wrapper = environ.get("wsgi.file_wrapper")
    if isinstance(wrapper, type) and isinstance(body, wrapper):
        _watch_file(body, ended)
        return body
    if type(body) is Body:
        body.tell(ended)
        return body
    return Body(body, ended)


def _watch_file(body: Iterable[bytes], ended: Callable[[int], None]) -> None:
    close = getattr(body, "close", None)

    def close_and_tell() -> None:
        try:
            if close is not None:
                close()
        finally:
            ended(0)

    body.close = close_and_tell  # type: ignore[attr-defined]

"""gunicorn's response, sent in one piece where it is small."""

from typing import Any

from gunicorn.http import wsgi

#: A first piece of the body longer than this, in bytes, is not copied to join the head.
LONGEST_JOINED = 64 * 1024


class WholeResponse(wsgi.Response):  # type: ignore[misc]
    """Sends the head together with the first piece of the body.

    gunicorn sends the head alone. A process that is killed between the two leaves a proxy with half an
    answer, which it cannot ask of another instance; and each answer costs a system call more.
    """

    sock: Any

    def write(self, arg: bytes) -> None:
        """Send a piece of the body, the first one with the head."""
        if self.headers_sent or len(arg) > LONGEST_JOINED:
            super().write(arg)
            return
        connection, joined = self.sock, _Joined()
        self.sock = joined
        try:
            super().write(arg)
        finally:
            self.sock = connection
        connection.sendall(b"".join(joined.pieces))


class _Joined:
    """Keeps what would be sent."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        self.pieces.append(data)


def use() -> None:
    """Make every gunicorn worker of this process answer with `WholeResponse`."""
    module: Any = wsgi
    module.Response = WholeResponse

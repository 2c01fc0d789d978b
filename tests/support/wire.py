"""A connection without a network: what a client sent, what it was sent, and how each request is read."""

from typing import Any

from gunicorn.config import Config
from gunicorn.http import wsgi
from gunicorn.http.parser import RequestParser

from flask_scale.server.config import gunicorn_settings
from flask_scale.server.plain import PlainRequest, environ
from flask_scale.server.plain.parser import PlainParser
from flask_scale.settings import Settings

LISTENER = ("127.0.0.1", 8000)
PEER = ("127.0.0.1", 50000)


def config(**settings: Any) -> Config:
    """gunicorn's settings, made from ours."""
    made = Config()
    for name, value in gunicorn_settings(Settings(**settings)).items():
        made.set(name, value)
    return made


class Wire:
    """A socket whose client sends `pieces`, one after the other, and then no more."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = [piece for piece in pieces if piece]
        self.sent: list[bytes] = []

    def recv(self, size: int) -> bytes:
        if not self._pieces:
            return b""
        piece = self._pieces.pop(0)
        if len(piece) > size:
            self._pieces.insert(0, piece[size:])
        return piece[:size]

    def send(self, data: bytes) -> int:
        self.sent.append(bytes(data))
        return len(data)

    def sendall(self, data: bytes) -> None:
        self.send(data)


#: A request as the app sees it, its body, and whether its answer ends the connection.
Seen = tuple[dict[str, str], bytes, bool]


def seen_by_gunicorn(cfg: Config, *pieces: bytes, peer: Any = PEER) -> tuple[list[Seen], type[Exception] | None]:
    """What gunicorn's own code makes of a connection: its requests, and the error that ended it."""
    wire = Wire(*pieces)
    return _seen(RequestParser(cfg, wire, peer), wire, cfg, peer)


def seen_here(cfg: Config, *pieces: bytes, peer: Any = PEER) -> tuple[list[Seen], type[Exception] | None]:
    """What the short way makes of it."""
    wire = Wire(*pieces)
    return _seen(PlainParser(cfg, wire, peer), wire, cfg, peer)


def are_plain(cfg: Config, *pieces: bytes, peer: Any = PEER) -> list[bool]:
    """Of each request of a connection, whether it is plain."""
    found = []
    for request in PlainParser(cfg, Wire(*pieces), peer):
        found.append(type(request) is PlainRequest)
        request.body.read()
    return found


def _seen(parser: Any, wire: Wire, cfg: Config, peer: Any) -> tuple[list[Seen], type[Exception] | None]:
    found: list[Seen] = []
    try:
        for request in parser:
            create = environ.create if type(request) is PlainRequest else wsgi.create
            _, made = create(request, wire, peer, LISTENER, cfg)
            told = {name: value for name, value in made.items() if isinstance(value, str)}
            found.append((told, request.body.read(), request.should_close()))
    except Exception as error:
        return found, type(error)
    return found, None

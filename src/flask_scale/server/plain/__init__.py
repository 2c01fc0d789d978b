"""gunicorn's HTTP/1.1 in short: plain requests are read and answered here, all others by gunicorn's own code.

`head.py` says which requests are plain. A plain one is read here exactly as gunicorn reads it, which
tests/unit/server/plain/test_differential.py compares; it costs a fraction of the time.
"""

from collections.abc import Callable
from typing import Any

from gunicorn import http
from gunicorn.http import wsgi

from flask_scale.server.plain import environ
from flask_scale.server.plain.parser import AtOnce, PlainParser, is_for
from flask_scale.server.plain.request import PlainRequest

__all__ = ["PlainRequest", "use"]


def use(cfg: Any, at_once_for: Callable[[Any], AtOnce | None]) -> None:
    """Serve plain requests of this process so, where gunicorn's settings leave them plain.

    `at_once_for` gives what answers some requests of a connection at once, if anything does.
    """
    if not is_for(cfg):
        return
    parsers: Any = http
    makers: Any = wsgi
    parser_of, create = parsers.get_parser, makers.create

    def get_parser(cfg: Any, source: Any, source_addr: Any, **rest: Any) -> Any:
        if rest or not (isinstance(source_addr, tuple) and hasattr(source, "recv")):
            return parser_of(cfg, source, source_addr, **rest)
        return PlainParser(cfg, source, source_addr, at_once_for(source))

    def create_any(req: Any, sock: Any, client: Any, server: Any, cfg: Any, *rest: Any, **named: Any) -> Any:
        if type(req) is PlainRequest and isinstance(server, tuple):
            return environ.create(req, sock, client, server, cfg)
        return create(req, sock, client, server, cfg, *rest, **named)

    parsers.get_parser = get_parser
    makers.create = create_any

"""The WSGI environ of a plain request: what gunicorn's `create` makes, with what is the connection's made once."""

from typing import Any

from gunicorn.http.wsgi import base_environ
from gunicorn.util import unquote_to_wsgi_str

from flask_scale.response_cache.middleware import PLAIN
from flask_scale.server.listener import LISTENER
from flask_scale.server.plain.head import Head
from flask_scale.server.plain.request import PlainRequest
from flask_scale.server.plain.response import PlainResponse

Environ = dict[str, Any]


def create(
    request: PlainRequest, connection: Any, client: tuple[Any, ...], server: tuple[Any, ...], cfg: Any
) -> tuple[PlainResponse, Environ]:
    """A response, and the environ, of a request from `client` at the listener `server`."""
    if not request.connection:
        request.connection.update(_of_connection(connection, client, server, cfg))
    head = request.head
    response = PlainResponse(request, connection, cfg)
    environ: Environ = {**request.connection, **head.fields}
    environ["REQUEST_METHOD"] = head.method
    environ["RAW_URI"] = head.target
    environ["PATH_INFO"] = path_info(head)
    environ["QUERY_STRING"] = head.query
    environ["wsgi.url_scheme"] = request.scheme
    environ["wsgi.input"] = request.body
    environ[PLAIN] = request
    environ["wsgi.early_hints"] = response.send_early_hints
    return response, environ


def path_info(head: Head) -> str:
    """The path as WSGI has it."""
    return str(unquote_to_wsgi_str(head.path)) if "%" in head.path else head.path


def _of_connection(connection: Any, client: tuple[Any, ...], server: tuple[Any, ...], cfg: Any) -> Environ:
    return {
        **base_environ(cfg),
        "gunicorn.socket": connection,
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SCRIPT_NAME": "",
        LISTENER: server,
    }

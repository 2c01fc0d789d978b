"""The shortest way of a cached response: from a plain request's head to the bytes of the answer, past WSGI and Flask.

It goes only where the long way has been: a request whose URL is the same has met a stored response, and the chain
of middleware around the app is all ours, so that nothing of the app's would have been asked before it.
"""

from time import perf_counter
from typing import Any

from flask import Flask
from gunicorn.config import PostRequest, PreRequest

from flask_scale.limits import InFlightLimit
from flask_scale.logging import AccessLog, request_id
from flask_scale.proxy import TrustedProxies
from flask_scale.response_cache.middleware import ResponseCache
from flask_scale.server.hooks import Hooks
from flask_scale.server.plain.environ import PLAIN, path_info
from flask_scale.server.plain.request import PlainRequest
from flask_scale.server.plain.response import first_lines

#: What, beside the target, the scheme and who connected, makes the URL of a request.
OF_URL = (
    "HTTP_HOST",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PREFIX",
)

#: URLs that are remembered at most; then all are learned anew.
MOST_KNOWN = 10_000


class Express:
    """Hits of `front` for plain requests."""

    def __init__(self, front: ResponseCache, proxies: TrustedProxies | None, log: AccessLog | None) -> None:
        self._front = front
        self._proxies = proxies
        self._log = log
        #: By what makes a request's URL: the key of its response.
        self._keys: dict[tuple[Any, ...], str] = {}
        front.on_hit = self._learn

    def answer(self, request: PlainRequest) -> bytes | None:
        """The whole answer, or None where the request has to go the long way."""
        key = self._keys.get(_of_url(request))
        if key is None:
            return None
        begun = perf_counter()
        head = request.head
        asked = {**head.fields, "REQUEST_METHOD": head.method}
        found = self._front.hit(key, asked)
        if found is None:
            return None
        identity = request_id(asked)
        lines = [first_lines(found.status, close=request.must_close)]
        lines += [f"{name}: {value}\r\n" for name, value in found.headers]
        lines.append(f"X-Request-ID: {identity}\r\n\r\n")
        if self._log is not None and self._log.is_on:
            self._write_line(request, asked, identity, found.status, perf_counter() - begun, len(found.body))
        return "".join(lines).encode("latin-1") + found.body

    def _learn(self, environ: dict[str, Any], key: str) -> None:
        request = environ.get(PLAIN)
        if request is None:
            return
        if len(self._keys) >= MOST_KNOWN:
            self._keys.clear()
        self._keys[_of_url(request)] = key

    def _write_line(
        self, request: PlainRequest, asked: dict[str, str], identity: str, status: str, seconds: float, sent: int
    ) -> None:
        assert self._log is not None
        client: str = request.peer_addr[0]
        if self._proxies is not None:
            client = self._proxies.client(client, asked.get("HTTP_X_FORWARDED_FOR"))
        environ = asked | {
            "REMOTE_ADDR": client,
            "PATH_INFO": path_info(request.head),
            "flask_scale.request_id": identity,
        }
        self._log.write(environ, int(status[:3]), seconds, sent)


def express_for(app: Flask, cfg: Any) -> Express | None:
    """The short way into `app`; None where it would leave out something of the app's or of an operator's."""
    layers: dict[type, Any] = {}
    layer: Any = app.wsgi_app
    while isinstance(layer, InFlightLimit | TrustedProxies | AccessLog):
        layers[type(layer)] = layer
        layer = layer.app
    is_ours = isinstance(getattr(cfg.pre_request, "__self__", None), Hooks) or cfg.pre_request is PreRequest.default
    if not isinstance(layer, ResponseCache) or layer.at_edge or type(app).__call__ is not Flask.__call__:
        return None
    if not is_ours or cfg.post_request is not PostRequest.default:
        return None
    return Express(layer, layers.get(TrustedProxies), layers.get(AccessLog))


def _of_url(request: PlainRequest) -> tuple[Any, ...]:
    fields = request.head.fields.get
    return (request.head.target, request.scheme, request.peer_addr[0], *map(fields, OF_URL))

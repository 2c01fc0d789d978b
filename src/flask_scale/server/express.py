"""The shortest way of a cached response: from a plain request's head to the bytes of the answer, past WSGI and Flask.

It goes only where the long way has been: a request whose URL is the same has met a stored response, and the chain
of middleware around the app is all ours, so that nothing of the app's would have been asked before it.
"""

from functools import lru_cache
from time import monotonic, perf_counter, time
from typing import Any, NamedTuple

from flask import Flask
from gunicorn.config import PostRequest, PreRequest

from flask_scale.cache.stored import Stored
from flask_scale.limits import InFlightLimit
from flask_scale.logging import AccessLog, request_id
from flask_scale.metrics.instruments import instruments
from flask_scale.proxy import TrustedProxies
from flask_scale.response_cache import answer as answers
from flask_scale.response_cache.middleware import ResponseCache
from flask_scale.response_cache.reading import CREDENTIALS
from flask_scale.server.hooks import Hooks
from flask_scale.server.plain.environ import PLAIN, path_info
from flask_scale.server.plain.head import Head
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

#: What else says which answer a request gets, where its URL has one response.
OF_ANSWER = ("HTTP_ACCEPT_ENCODING", "HTTP_IF_NONE_MATCH")

#: Fields that may ask for something else: such a request is looked at anew each time.
UNUSUAL = frozenset({"HTTP_RANGE", "HTTP_CACHE_CONTROL", "HTTP_IF_MODIFIED_SINCE", "CONTENT_LENGTH"})

#: URLs that are remembered at most, and answers; then all are made anew.
MOST_KNOWN = 10_000


class Ready(NamedTuple):
    """An answer but for what is another in each."""

    stored: Stored
    status: str
    #: Header lines, without those that tell of a time.
    lines: bytes
    body: bytes
    #: It holds while the cache stands so, until this moment of `monotonic`.
    standing: int | None
    until: float


class Express:
    """Hits of `front` for plain requests."""

    def __init__(self, front: ResponseCache, proxies: TrustedProxies | None, log: AccessLog | None) -> None:
        self._front = front
        self._proxies = proxies
        self._log = log
        #: By what makes a request's URL: the key of its response.
        self._keys: dict[tuple[Any, ...], str] = {}
        #: By that, and what chooses an answer to it.
        self._ready: dict[tuple[Any, ...], Ready] = {}
        #: Answers that the metrics have not been told of: (method, rule, status) to how many, and their seconds.
        self._untold: dict[tuple[str, str, int], tuple[int, float]] = {}
        front.on_hit = self._learn

    def answer(self, head: Head, scheme: str, peer: str, *, close: bool) -> bytes | None:
        """The whole answer, or None where the request has to go the long way. Tell the metrics soon: `tell`."""
        begun = perf_counter()
        fields = head.fields
        ready = self._find(head, fields, scheme, peer)
        if ready is None:
            return None
        identity = request_id(fields)
        age = ready.stored.age
        data = b"%b%bAge: %d\r\nCache-Status: %b; hit; ttl=%d\r\nX-Request-ID: %b\r\n\r\n%b" % (
            _first_lines(ready.status, close, int(time())),
            ready.lines,
            int(age),
            NAME,
            int(ready.stored.head.ttl - age),
            identity.encode(),
            ready.body,
        )
        seconds = perf_counter() - begun
        status = int(ready.status[:3])
        series = (head.method, ready.stored.head.rule, status)
        count, total = self._untold.get(series, (0, 0.0))
        self._untold[series] = (count + 1, total + seconds)
        if self._log is not None and self._log.is_on:
            self._write_line(self._log, head, peer, identity, status, seconds, len(ready.body))
        return data

    def tell(self) -> None:
        """Let the metrics have what was answered since the last time."""
        untold, self._untold = self._untold, {}
        for (method, rule, status), (count, seconds) in untold.items():
            self._front.count(method, rule, status, seconds, count)
            instruments().responses.labels("hit").inc(count)

    def _find(self, head: Head, fields: dict[str, str], scheme: str, peer: str) -> Ready | None:
        url = _of_url(head, scheme, peer)
        is_usual = UNUSUAL.isdisjoint(fields)
        wanted = (url, head.method, *map(fields.get, OF_ANSWER))
        if is_usual:
            ready = self._ready.get(wanted)
            if (
                ready is not None
                and ready.standing == self._front.cache.standing()
                and ready.until > monotonic()
                and (ready.stored.head.public or CREDENTIALS.isdisjoint(fields))
            ):
                return ready
        key = self._keys.get(url)
        ready = self._make(key, {**fields, "REQUEST_METHOD": head.method}) if key is not None else None
        if ready is not None and is_usual and ready.standing is not None:
            _remember(self._ready, wanted, ready)
        return ready

    def _make(self, key: str, asked: dict[str, str]) -> Ready | None:
        """Ask the cache. What it has under another key, by a Vary, has no standing: it is chosen by more."""
        cache = self._front.cache
        standing = cache.standing()
        stored = self._front.find(key, asked)
        if stored is None:
            return None
        found = answers.unmarked(stored, asked)
        lines = "".join([f"{name}: {value}\r\n" for name, value in found.headers]).encode("latin-1")
        entry = cache.peek(key)
        if entry is None or entry.value is not stored:
            return Ready(stored, found.status, lines, found.body, None, 0.0)
        return Ready(stored, found.status, lines, found.body, standing, monotonic() + entry.fresh_for)

    def _learn(self, environ: dict[str, Any], key: str) -> None:
        request: PlainRequest | None = environ.get(PLAIN)
        if request is not None:
            _remember(self._keys, _of_url(request.head, request.scheme, request.peer_addr[0]), key)

    def _write_line(
        self, log: AccessLog, head: Head, peer: str, identity: str, status: int, seconds: float, sent: int
    ) -> None:
        forwarded_for = head.fields.get("HTTP_X_FORWARDED_FOR")
        environ = head.fields | {
            "REQUEST_METHOD": head.method,
            "REMOTE_ADDR": self._proxies.client(peer, forwarded_for) if self._proxies is not None else peer,
            "PATH_INFO": path_info(head),
            "flask_scale.request_id": identity,
        }
        log.write(environ, status, seconds, sent)


NAME = answers.NAME.encode()


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


def _of_url(head: Head, scheme: str, peer: str) -> tuple[Any, ...]:
    return (head.target, scheme, peer, *map(head.fields.get, OF_URL))


def _remember(known: dict[tuple[Any, ...], Any], key: tuple[Any, ...], value: Any) -> None:
    if len(known) >= MOST_KNOWN:
        known.clear()
    known[key] = value


@lru_cache(maxsize=64)
def _first_lines(status: str, close: bool, _second: int) -> bytes:
    return first_lines(status, close=close).encode("latin-1")

"""The shortest way of a cached response: from a plain request's head to the bytes of the answer, past WSGI and Flask.

It goes only where the long way has been: a request whose URL is the same has met a stored response, and the chain
of middleware around the app is all ours, so that nothing of the app's would have been asked before it.
"""

from functools import lru_cache
from time import monotonic, perf_counter, time
from typing import Any, NamedTuple

import flask.app
from flask import Flask
from gunicorn.config import PostRequest, PreRequest
from gunicorn.http.errors import InvalidResponseHeader, InvalidResponseHeaderName

from flask_scale.cache.stored import Stored
from flask_scale.limits import InFlightLimit
from flask_scale.logging import AccessLog, request_id
from flask_scale.metrics.instruments import instruments
from flask_scale.proxy import TrustedProxies
from flask_scale.response_cache import answer as answers
from flask_scale.response_cache.encodings import choose
from flask_scale.response_cache.keys import FORWARDED
from flask_scale.response_cache.middleware import ResponseCache, may_have
from flask_scale.response_cache.reading import CREDENTIALS
from flask_scale.server.hooks import Hooks
from flask_scale.server.plain.environ import path_info
from flask_scale.server.plain.head import Head
from flask_scale.server.plain.request import PlainRequest
from flask_scale.server.plain.response import PlainResponse, first_lines

#: What, beside the target, the scheme and who connected, makes the URL of a request.
OF_URL = ("HTTP_HOST", *FORWARDED)

#: Fields that may ask for something else: such a request is looked at anew each time.
UNUSUAL = frozenset({"HTTP_RANGE", "HTTP_CACHE_CONTROL"}) | answers.CONDITIONAL

#: Those of them that a client sends who has the response already.
TAGS = "HTTP_IF_NONE_MATCH"
JUST_TAGS = frozenset({TAGS})

#: URLs that are remembered at most, then all are learned anew; and characters of one, which are the client's.
MOST_KNOWN = 4_096
LONGEST_URL = 1_000


class Ready(NamedTuple):
    """An answer but for what is another in each. It copies no body: `body` is a view of `stored`."""

    stored: Stored
    status: str
    #: Header lines, without those that tell of a time.
    lines: bytes
    body: memoryview | bytes
    etag: str | None


class Held(NamedTuple):
    """A response as it lies in the cache, and the answers that were made of it, by method, encoding and tag."""

    stored: Stored
    #: It is fresh until this moment of `monotonic`.
    until: float
    answers: dict[tuple[str, str, str], Ready]


class Express:
    """Hits of `front` for plain requests to `app`."""

    def __init__(self, app: Flask, front: ResponseCache, proxies: TrustedProxies | None, log: AccessLog | None) -> None:
        self._app = app
        self._chain = app.wsgi_app
        self._front = front
        self._proxies = proxies
        self._log = log
        #: By what makes a request's URL: the key of its response.
        self._keys: dict[tuple[Any, ...], str] = {}
        #: By that key, what the cache holds; forgotten as a whole once that is no longer so.
        self._held: dict[str, Held] = {}
        self._standing: int | None = None
        #: Answers that the metrics have not been told of: (method, rule, status) to how many, and their seconds.
        self._untold: dict[tuple[str, str, int], tuple[int, float]] = {}
        front.on_hit = self._learn

    def answer(self, head: Head, scheme: str, peer: str, *, close: bool) -> bytes | None:
        """The whole answer, or None where the request has to go the long way. Tell the metrics soon: `tell`."""
        begun = perf_counter()
        ready = self._find(head, scheme, peer)
        if ready is None:
            return None
        identity = request_id(head.fields)
        age = ready.stored.age
        data = b"%b%bAge: %d\r\nCache-Status: %b; hit; ttl=%d\r\nX-Request-ID: %b\r\n\r\n%b" % (  # type: ignore[str-format]
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

    def _find(self, head: Head, scheme: str, peer: str) -> Ready | None:
        if self._app.wsgi_app is not self._chain:
            return None  # somebody has put a layer around it since
        key = self._keys.get(_of_url(head, scheme, peer))
        held = self._hold(key) if key is not None else None
        usual = UNUSUAL.isdisjoint(head.fields) or UNUSUAL.intersection(head.fields) == JUST_TAGS
        if held is None or not _is_for(held.stored, head, usual=usual):
            return None
        if not usual:
            return _make(held.stored, head)
        tag = head.fields.get(TAGS, "")
        wanted = (head.method, choose(head.fields.get("HTTP_ACCEPT_ENCODING"), held.stored.encodings), tag)
        ready = held.answers.get(wanted)
        if ready is None:
            ready = _make(held.stored, head)
            # Tags are the client's, and may be many: kept is the answer to the one that it got from here.
            if ready is not None and (not tag or ready.etag == tag):
                held.answers[wanted] = ready
        return ready

    def _hold(self, key: str) -> Held | None:
        """What the cache holds under the key itself; what a Vary chooses goes the long way, which knows by what."""
        cache = self._front.cache
        standing = cache.standing()
        if standing is None or standing != self._standing:
            self._held.clear()
            self._standing = standing
        held = self._held.get(key)
        if held is not None and held.until > monotonic():
            return held
        entry = cache.peek(key)
        if (
            standing is None
            or entry is None
            or not isinstance(entry.value, Stored)
            or entry.value.head.kind != "response"
        ):
            return None
        held = Held(entry.value, monotonic() + entry.fresh_for, {})
        if cache.standing() == standing:
            self._held[key] = held
        return held

    def _learn(self, request: PlainRequest, key: str) -> None:
        url = _of_url(request.head, request.scheme, request.peer_addr[0])
        if sum(len(part) for part in url if part is not None) > LONGEST_URL:
            return
        if len(self._keys) >= MOST_KNOWN:
            self._keys.clear()
        self._keys[url] = key

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
    while type(layer) in (InFlightLimit, TrustedProxies, AccessLog):
        layers[type(layer)] = layer
        layer = layer.app
    is_ours = isinstance(getattr(cfg.pre_request, "__self__", None), Hooks) or cfg.pre_request is PreRequest.default
    if type(layer) is not ResponseCache or layer.at_edge or not _is_flasks_own(type(app)):
        return None
    if not is_ours or cfg.post_request is not PostRequest.default:
        return None
    return Express(app, layer, layers.get(TrustedProxies), layers.get(AccessLog))


def _is_flasks_own(app: type[Flask]) -> bool:
    """Whether the app is called as Flask is; tools that measure replace the method on Flask itself."""
    code = getattr(app.__call__, "__code__", None)
    return code is not None and code.co_filename == flask.app.__file__


def _is_for(stored: Stored, head: Head, *, usual: bool) -> bool:
    fields = head.fields
    if head.method == "GET" and not head.length and usual:
        return stored.head.public or CREDENTIALS.isdisjoint(fields)
    return may_have(stored, {**fields, "REQUEST_METHOD": head.method})


def _make(stored: Stored, head: Head) -> Ready | None:
    """The answer by the same functions as the long way's; None for headers that gunicorn would refuse."""
    found = answers.unmarked(stored, {**head.fields, "REQUEST_METHOD": head.method})
    checked = PlainResponse(None, None, None)
    try:
        checked.process_headers(found.headers)
    except (TypeError, ValueError, InvalidResponseHeader, InvalidResponseHeaderName):
        return None
    lines = "".join([f"{name}: {value}\r\n" for name, value in checked.headers]).encode("latin-1")
    encoding = choose(head.fields.get("HTTP_ACCEPT_ENCODING"), stored.encodings)
    etag = next((value for name, value in checked.headers if name.lower() == "etag"), None)
    return Ready(stored, found.status, lines, stored.view(encoding) if found.body else b"", etag)


def _of_url(head: Head, scheme: str, peer: str) -> tuple[Any, ...]:
    return (head.target, scheme, peer, *map(head.fields.get, OF_URL))


@lru_cache(maxsize=64)
def _first_lines(status: str, close: bool, _second: int) -> bytes:
    return first_lines(status, close=close).encode("latin-1")

"""A stored response as the answer to a request: encoding, conditions, HEAD, and what says that it was cached."""

import re
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple

from flask_scale.cache.stored import Headers, Stored
from flask_scale.metrics.instruments import instruments
from flask_scale.response_cache.encodings import choose

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

#: How this cache calls itself in Cache-Status (RFC 9211).
NAME = "flask-scale"

#: Headers of a 304 (RFC 9110, 15.4.5), beside those that we add.
KEPT_OF_304 = frozenset({"cache-control", "content-location", "date", "etag", "expires", "vary", "last-modified"})


#: In the environ of a conditional request.
CONDITIONAL = frozenset({"HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE"})


class Answer(NamedTuple):
    """What is sent."""

    status: str
    headers: Headers
    body: bytes


def answer(stored: Stored, environ: "WSGIEnvironment", cache_status: str, *, reused: bool) -> Answer:
    """Answer the request from a stored response; `reused` is False for the request that it was loaded for."""
    found = unmarked(stored, environ)
    if reused:
        found.headers.append(("Age", str(int(stored.age))))
    found.headers.append(("Cache-Status", cache_status))
    return found


def unmarked(stored: Stored, environ: "WSGIEnvironment") -> Answer:
    """That answer without what says that it was cached."""
    encoding = choose(environ.get("HTTP_ACCEPT_ENCODING"), stored.encodings)
    headers = stored.headers(encoding)
    if _is_not_modified(environ, headers, stored.head.status):
        kept = [header for header in headers if header[0].lower() in KEPT_OF_304]
        return Answer("304 Not Modified", kept, b"")
    return Answer(stored.head.status, headers, b"" if environ["REQUEST_METHOD"] == "HEAD" else stored.body(encoding))


def hit(stored: Stored) -> str:
    """Cache-Status of a response from the cache; the TTL of a stale one is negative."""
    return f"{NAME}; hit; ttl={int(stored.head.ttl - stored.age)}"


def reused(stored: Stored, result: str) -> str:
    """Count a response that was not loaded by this request; gives its Cache-Status."""
    instruments().responses.labels("collapsed" if result == "miss" else result).inc()
    return miss(kept=True, collapsed=True) if result == "miss" else hit(stored)


def miss(*, kept: bool, collapsed: bool = False) -> str:
    """Cache-Status of a response that was loaded, by this request or by one that it waited for."""
    return f"{NAME}; fwd=uri-miss" + ("; stored" if kept else "") + ("; collapsed" if collapsed else "")


#: Of a request that the cache had nothing to do with.
BYPASS = f"{NAME}; fwd=bypass"


def _is_not_modified(environ: "WSGIEnvironment", headers: Headers, status: str) -> bool:
    """By If-None-Match, else by If-Modified-Since (RFC 9110, 13.2.2)."""
    if not status.startswith("2"):
        return False
    if CONDITIONAL.isdisjoint(environ):
        return False
    known = {name.lower(): value for name, value in headers}
    if (tags := environ.get("HTTP_IF_NONE_MATCH")) is not None:
        return tags.strip() == "*" or known.get("etag", "").removeprefix("W/") in _weak(tags)
    since, modified = environ.get("HTTP_IF_MODIFIED_SINCE"), known.get("last-modified")
    if since is None or modified is None:
        return False
    try:
        return parsedate_to_datetime(modified) <= parsedate_to_datetime(since)
    except (ValueError, TypeError, OverflowError):
        return False


def _weak(tags: str) -> set[str]:
    """The tags of a list for weak comparison (RFC 9110, 8.8.3.2); a comma may stand within one."""
    return set(re.findall(r'"[^"]*"', tags))

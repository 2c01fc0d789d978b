"""The way from a request to its stored response: which may be used, and under which key it lies."""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, TypeVar

from flask_scale.cache.contract import Entry
from flask_scale.cache.flight import Answer as Found
from flask_scale.cache.read_through import ReadThrough, Wanted
from flask_scale.cache.stored import Stored
from flask_scale.errors import KeyTooLong
from flask_scale.response_cache.keys import vary_key
from flask_scale.response_cache.loading import Failed, Loading
from flask_scale.response_cache.storing import directives

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

D = TypeVar("D")

METHODS = frozenset({"GET", "HEAD"})

#: In the environ of a request that says who the client is.
CREDENTIALS = frozenset({"HTTP_AUTHORIZATION", "HTTP_COOKIE", "REMOTE_USER"})

#: What a load leaves out of the request: the whole response is wanted, without an encoding.
CONDITIONS = (
    "HTTP_ACCEPT_ENCODING",
    "HTTP_IF_MATCH",
    "HTTP_IF_MODIFIED_SINCE",
    "HTTP_IF_NONE_MATCH",
    "HTTP_IF_UNMODIFIED_SINCE",
)

#: In the environ of a load in front of Flask for a view's own policy: its decorator then leaves the response alone.
HANDLED = "flask_scale.response_cache"

#: Most headers' names that a Vary may bring up one after the other before the cache gives in.
MOST_ROUNDS = 3


def is_for_cache(environ: "WSGIEnvironment") -> bool:
    """Whether a request may be answered from a cache at all: a plain GET or HEAD of the whole."""
    return (
        environ["REQUEST_METHOD"] in METHODS
        and "HTTP_RANGE" not in environ
        and environ.get("CONTENT_LENGTH") in (None, "", "0")
        and "HTTP_TRANSFER_ENCODING" not in environ
        and "no-store" not in directives([environ.get("HTTP_CACHE_CONTROL", "")])
    )


def has_credentials(environ: "WSGIEnvironment") -> bool:
    """Whether it says who the client is: its response is for that client unless the app says otherwise."""
    return not CREDENTIALS.isdisjoint(environ)


def peek(look: Callable[[str], Entry | None], key: str, environ: "WSGIEnvironment") -> Stored | None:
    """The fresh response that `look`, a cache's `peek` or `get`, has; nothing is loaded."""
    for _ in range(MOST_ROUNDS):
        entry = look(key)
        if entry is None or entry.fresh_for <= 0 or not isinstance(entry.value, Stored):
            return None
        if entry.value.head.kind != "vary":
            return entry.value if entry.value.head.kind == "response" else None
        key = vary_key(key, entry.value.head.vary, environ)
    return None


def read(
    reader: ReadThrough, key: str, tags: Collection[str], loading: Loading[D], environ: "WSGIEnvironment"
) -> Found | None:
    """What is stored, else what `loading` brought; None where neither is: then `loading.direct` is there, or the app
    must be called.
    """
    for _ in range(MOST_ROUNDS):
        try:
            found = reader.answer(Wanted(key, loading.load, tags))
        except (Failed, KeyTooLong):
            return None
        stored = found.value
        if not isinstance(stored, Stored) or stored.head.kind == "pass":
            return None
        if stored.head.kind == "response":
            return found
        if loading.begun:
            return None
        loading.known_vary = frozenset(stored.head.vary)
        key = vary_key(key, stored.head.vary, environ)
    return None

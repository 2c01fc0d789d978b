"""One request's own load: the app's response, made into a value that the cache keeps, or passed on as it is."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from flask_scale.cache.read_through import Loaded
from flask_scale.cache.stored import IDENTITY, Head, Headers, Stored, marker
from flask_scale.response_cache.encodings import encode
from flask_scale.response_cache.policy import Policy
from flask_scale.response_cache.storing import Freshness, directives, freshness, vary_of
from flask_scale.settings import Settings

D = TypeVar("D")

#: For how long a URL whose response may not be stored is not tried again, in seconds: nobody waits for others then.
PASS_SECONDS = 10.0
#: For how long the names in a response's Vary are remembered, in seconds.
VARY_SECONDS = 3600.0

#: Of one connection, one request, or made anew for each answer.
DROPPED = frozenset(
    {"age", "cache-status", "connection", "content-length", "date", "etag", "keep-alive", "transfer-encoding", "vary"}
    | {"x-request-id"}
)


class Plain(NamedTuple):
    """The app's response without an encoding. `body` is None for one that is not to be read whole."""

    status: str
    headers: Headers
    body: bytes | None
    rule: str = ""


class Failed(Exception):
    """The app answered with a 5xx; a stale response is better, if there is one."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How responses of one request are kept. Times are in seconds."""

    policy: Policy
    ttl: float
    stale: float
    #: Cache-Control of a response that has none.
    control: str

    @classmethod
    def of(cls, policy: Policy, settings: Settings, control: str) -> "Terms":
        """The policy's, else the settings'."""
        ttl = settings.cache_ttl_seconds if policy.ttl is None else policy.ttl
        stale = settings.cache_stale_seconds if policy.stale is None else policy.stale
        return cls(policy, ttl, stale, control)


class Loading(Generic[D]):
    """Calls the app at most once. `call` gives its response, and the same in the form in which it is passed on."""

    def __init__(self, call: Callable[[], tuple[Plain, D]], terms: Terms) -> None:
        self._call = call
        self._terms = terms
        #: Whether this request called the app itself.
        self.begun = False
        #: Names of headers that are in the key already.
        self.known_vary: frozenset[str] = frozenset()
        self.stored: Stored | None = None
        self.kept = False
        self.direct: D | None = None

    def load(self) -> Loaded:
        """Call the app.

        Raises:
            Failed: it answered with a 5xx, which is in `direct`.
        """
        self.begun = True
        plain, direct = self._call()
        code = int(plain.status[:3])
        terms = self._terms
        fresh = freshness(code, plain.headers, terms.policy, ttl=terms.ttl, stale=terms.stale)
        if plain.body is None or fresh is None:
            self.direct = direct
            if code >= 500:
                raise Failed(plain.status)
            return Loaded(marker("pass"), PASS_SECONDS)
        self.stored = _store(plain, plain.body, fresh, terms.control)
        if names := vary_of(plain.headers) - self.known_vary:
            return Loaded(marker("vary", tuple(sorted(names | self.known_vary))), VARY_SECONDS)
        self.kept = True
        return Loaded(self.stored, fresh.ttl, fresh.stale)


def _store(plain: Plain, body: bytes, fresh: Freshness, default_control: str) -> Stored:
    known = {name.lower(): value for name, value in plain.headers}
    control = directives(value for name, value in plain.headers if name.lower() == "cache-control")
    content_type = known.get("content-type", "")
    bodies = {IDENTITY: body} if "no-transform" in control else encode(body, content_type)
    headers = [header for header in plain.headers if header[0].lower() not in DROPPED]
    if "cache-control" not in known:
        headers.append(("Cache-Control", default_control))
    vary = [value for name, value in plain.headers if name.lower() == "vary"]
    if len(bodies) > 1 and "accept-encoding" not in ",".join(vary).lower():
        vary.append("Accept-Encoding")
    if vary:
        headers.append(("Vary", ", ".join(vary)))
    etag = known.get("etag", "")
    head = Head(
        "response",
        plain.status,
        headers,
        etag=etag if etag.endswith('"') else _etag(plain.status, body),
        made_at=time.time(),
        ttl=fresh.ttl,
        public=fresh.public,
        rule=plain.rule,
    )
    return Stored.make(head, bodies)


def _etag(status: str, body: bytes) -> str:
    return f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"' if status.startswith("200") else ""

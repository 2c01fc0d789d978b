"""The response cache in front of Flask: a hit costs no Flask at all.

It answers for paths with a rule in `FLASK_SCALE_CACHE_RESPONSES` and for views that say `public=True`. Before such
a hit nothing of the app runs, no access check either; so whoever comes with credentials (Authorization, Cookie)
gets a stored response only where the app said that anybody may have it, and theirs are never stored otherwise.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from flask import Flask
from werkzeug.test import run_wsgi_app

from flask_scale.cache.contract import Cache
from flask_scale.cache.read_through import ReadThrough
from flask_scale.cache.stored import Headers, Stored
from flask_scale.metrics.instruments import instruments
from flask_scale.response_cache import answer as answers
from flask_scale.response_cache import edge
from flask_scale.response_cache.keys import front_key, url_of
from flask_scale.response_cache.loading import Loading, Plain, Terms
from flask_scale.response_cache.policy import Policy, Public, Rule, find
from flask_scale.response_cache.reading import CONDITIONS, HANDLED, METHODS, has_credentials, is_for_cache, peek, read
from flask_scale.state import State

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: In the environ, by a server of ours: its own request, for `on_hit`.
PLAIN = "flask_scale.plain_request"

#: In the environ after the app was called: the URL rule that matched, for the metrics.
RULE = "flask_scale.url_rule"


class Sent(NamedTuple):
    """A response of the app on its way to the server."""

    status: str
    headers: Headers
    body: Iterable[bytes]


class Found(NamedTuple):
    """The policy that holds for a request. Of a view's own: the parts of the URL for its tags."""

    policy: Policy
    parts: Mapping[str, Any]
    of_view: bool


class ResponseCache:
    """WSGI middleware around a Flask app. `forwarded`: the app believes proxies' headers itself, behind this."""

    def __init__(
        self, app: Flask, state: State, reader: ReadThrough, rules: Sequence[Rule], *, forwarded: bool
    ) -> None:
        self.app: WSGIApplication = app.wsgi_app
        self._flask = app
        self._state = state
        self._reader = reader
        self._rules = rules
        self._forwarded = forwarded
        self._views: Mapping[str, Policy] | None = None
        #: What the paths of these views begin with; to match a path costs as much as a hit.
        self._prefixes: tuple[str, ...] = ()
        #: Hears of each response that was given from this process's own memory: the server's request, and its key.
        self.on_hit: Callable[[Any, str], None] | None = None

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if self.at_edge:
            start_response = edge.guarded(start_response)
        # Taken out: an app may hand a copy of the environ to itself for another URL.
        return self._respond(environ, start_response, environ.pop(PLAIN, None))

    def _respond(self, environ: "WSGIEnvironment", start_response: "StartResponse", plain: Any) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in METHODS or not self._may_concern(environ.get("PATH_INFO", "")):
            return self.app(environ, start_response)
        begun = perf_counter()
        url = url_of(environ, forwarded=self._forwarded)
        if url is None:
            return self.app(environ, start_response)
        key = front_key(url)
        if (stored := self.find(key, environ)) is not None:
            if self.on_hit is not None and plain is not None:
                self.on_hit(plain, key)
            return _send(self._reuse(stored, environ, "hit", begun), start_response)
        found = self._find(environ)
        if found is None or found.policy.ttl == 0:
            return self.app(environ, start_response)
        if not is_for_cache(environ) or (has_credentials(environ) and not found.policy.public):
            return self._pass(environ, start_response)
        return self._read(key, found, environ, start_response, begun)

    @property
    def at_edge(self) -> bool:
        """Whether nginx in front keeps responses too."""
        return self._state.settings.cache_edge_seconds > 0

    @property
    def cache(self) -> Cache:
        """Where the responses lie."""
        return self._reader.cache

    def find(self, key: str, environ: "WSGIEnvironment") -> Stored | None:
        """The response that this process holds itself, if there is one and the request may have it."""
        stored = peek(self.cache.peek, key, environ)
        return stored if stored is not None and may_have(stored, environ) else None

    def count(self, method: str, rule: str, status: int, seconds: float, count: int = 1) -> None:
        """Count requests that got a stored response, and the seconds that they took together."""
        if self._state.requests is not None:
            self._state.requests.record(method, rule, status, seconds, count)

    def _read(
        self, key: str, found: Found, environ: "WSGIEnvironment", start_response: "StartResponse", begun: float
    ) -> Iterable[bytes]:
        settings = self._state.settings
        terms = Terms.of(found.policy, settings, edge.control(settings, public=found.policy.public))
        loading = Loading(lambda: self._call(environ, handled=found.of_view), terms)
        tags = [tag.format(**found.parts) for tag in found.policy.tags]
        kept = read(self._reader, key, tags, loading, environ)
        if kept is not None and kept.value is not loading.stored:
            _close(loading.direct)
            return _send(self._reuse(kept.value, environ, kept.result, begun), start_response)  # type: ignore[arg-type]
        if loading.stored is not None:
            instruments().responses.labels("miss").inc()
            status = answers.miss(kept=loading.kept)
            return _send(answers.answer(loading.stored, environ, status, reused=False), start_response)
        if loading.direct is not None:
            instruments().responses.labels("pass").inc()
            return _send_direct(loading.direct, environ, start_response)
        return self._pass(environ, start_response)

    def _reuse(self, stored: Stored, environ: "WSGIEnvironment", result: str, begun: float) -> answers.Answer:
        answer = answers.answer(stored, environ, answers.reused(stored, result), reused=True)
        self.count(environ["REQUEST_METHOD"], stored.head.rule, int(answer.status[:3]), perf_counter() - begun)
        return answer

    def _pass(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        instruments().responses.labels("pass").inc()

        def start(status: str, headers: Headers, *rest: Any) -> Any:
            return start_response(status, _marked(headers, answers.BYPASS), *rest)

        return self.app(environ, start)

    def _call(self, environ: "WSGIEnvironment", *, handled: bool) -> tuple[Plain, Sent]:
        """The app's response to the request as a GET without conditions."""
        rule: dict[str, str] = {}
        asked = {name: value for name, value in environ.items() if name not in CONDITIONS}
        asked |= {"REQUEST_METHOD": "GET", HANDLED: handled, RULE: rule}
        body, status, found = run_wsgi_app(self.app, asked)
        headers = list(found)
        sent = Sent(status, headers, body)
        length = _length(status, headers)
        if not 0 <= length <= self._state.settings.cache_response_max_bytes:
            return Plain(status, headers, None), sent
        try:
            whole = b"".join(body)
        finally:
            _close(sent)
        complete = whole if len(whole) == length else None  # RFC 9111, 3.3
        return Plain(status, headers, complete, rule.get("rule", "")), Sent(status, headers, [whole])

    def _may_concern(self, path: str) -> bool:
        """Whether a rule or a public view may hold for the path; else no response to it is ever stored."""
        return bool(self._rules) or (bool(self._public_views()) and path.startswith(self._prefixes))

    def _find(self, environ: "WSGIEnvironment") -> Found | None:
        """A view's own policy, else a rule's; a rule with a TTL of 0 before both."""
        path = environ.get("PATH_INFO", "")
        rule = find(self._rules, path)
        if rule is not None and rule.ttl == 0:
            return None
        if (views := self._public_views()) and path.startswith(self._prefixes):
            try:
                adapter = self._flask.create_url_adapter(self._flask.request_class(environ))
                endpoint, parts = adapter.match() if adapter else ("", {})
            except Exception:  # a wrong URL or Host, or a converter that needs the app: Flask sees to it
                endpoint, parts = "", {}
            if endpoint in views:
                return Found(views[endpoint], parts, of_view=True)
        return Found(rule, {}, of_view=False) if rule is not None else None

    def _public_views(self) -> Mapping[str, Policy]:
        """By endpoint, the policies of views that say `public=True` and have no other decorator around.

        Flask takes no further views once it is asked.
        """
        if self._views is None:
            marks = ((name, view, getattr(view, "public", None)) for name, view in self._flask.view_functions.items())
            self._views = {
                name: mark.policy for name, view, mark in marks if isinstance(mark, Public) and mark.view is view
            }
            rules = (rule.rule for name in self._views for rule in self._flask.url_map.iter_rules(name))
            self._prefixes = tuple({rule.partition("<")[0] for rule in rules})
        return self._views


def may_have(stored: Stored, environ: "WSGIEnvironment") -> bool:
    """Whether a stored response may be given to the request."""
    return is_for_cache(environ) and (stored.head.public or not has_credentials(environ))


def _send(answer: answers.Answer, start_response: "StartResponse") -> Iterable[bytes]:
    start_response(answer.status, answer.headers)
    return [answer.body] if answer.body else []


def _send_direct(sent: Sent, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    start_response(sent.status, _marked(sent.headers, answers.miss(kept=False)))
    if environ["REQUEST_METHOD"] != "HEAD":
        return sent.body
    _close(sent)
    return []


def _marked(headers: Headers, cache_status: str) -> Headers:
    """With a Cache-Status; one that the app's own cache set is better informed."""
    if any(name.lower() == "cache-status" for name, _ in headers):
        return headers
    return [*headers, ("Cache-Status", cache_status)]


def _length(status: str, headers: Headers) -> int:
    """Content-Length, -1 where there is none: a stream, which is never read whole."""
    if status.startswith("204"):
        return 0
    given = next((value for name, value in headers if name.lower() == "content-length"), "")
    return int(given) if given.isdigit() else -1


def _close(sent: Sent | None) -> None:
    close = getattr(sent.body, "close", None) if sent is not None else None
    if close is not None:
        close()

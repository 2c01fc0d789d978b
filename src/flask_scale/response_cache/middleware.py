"""The response cache in front of Flask: a hit costs no Flask at all.

It answers for paths with a rule in `FLASK_SCALE_CACHE_RESPONSES` and for views that say `public=True`. Before such
a hit nothing of the app runs, no access check either; so whoever comes with credentials (Authorization, Cookie)
gets a stored response only where the app said that anybody may have it, and theirs are never stored otherwise.
"""

from collections.abc import Iterable, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from flask_scale.cache.read_through import ReadThrough
from flask_scale.cache.stored import Headers, Stored
from flask_scale.metrics.instruments import instruments
from flask_scale.response_cache import answer as answers
from flask_scale.response_cache.keys import url_key
from flask_scale.response_cache.loading import Loading, Plain, Terms
from flask_scale.response_cache.policy import Policy, Rule, find
from flask_scale.response_cache.reading import METHODS, has_credentials, is_for_cache, peek, read
from flask_scale.settings import Settings
from flask_scale.state import State

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: In the environ of a request whose response this middleware keeps: the view's decorator leaves it alone.
HANDLED = "flask_scale.response_cache"
#: In the environ after the app was called: the URL rule that matched, for the metrics.
RULE = "flask_scale.url_rule"

#: What a load leaves out of the request: the whole response is wanted, without an encoding.
CONDITIONS = (
    "HTTP_ACCEPT_ENCODING",
    "HTTP_IF_MATCH",
    "HTTP_IF_MODIFIED_SINCE",
    "HTTP_IF_NONE_MATCH",
    "HTTP_IF_UNMODIFIED_SINCE",
)

#: Of a public response whose Cache-Control is silent: others may keep it, and ask whether it is still right.
CONTROL = "public, no-cache"


class Sent(NamedTuple):
    """A response of the app on its way to the server."""

    status: str
    headers: Headers
    body: Iterable[bytes]


class ResponseCache:
    """WSGI middleware around a Flask app."""

    def __init__(self, app: Flask, state: State, reader: ReadThrough, rules: Sequence[Rule]) -> None:
        self.app: WSGIApplication = app.wsgi_app
        self._flask = app
        self._state = state
        self._settings: Settings = state.settings
        self._reader = reader
        self._rules = rules
        self._views: Mapping[str, Policy] | None = None

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in METHODS or not (self._rules or self._public_views()):
            return self.app(environ, start_response)
        begun = perf_counter()
        key = url_key(environ, "url")
        stored = peek(self._reader.cache, key, environ)
        if stored is not None and _may_have(stored, environ):
            return self._reuse(stored, environ, start_response, "hit", begun)
        policy, parts = self._policy(environ)
        if policy is None:
            return self.app(environ, start_response)
        environ[HANDLED] = True
        if not is_for_cache(environ) or (has_credentials(environ) and not policy.public):
            return self._pass(environ, start_response)
        return self._read(key, policy, parts, environ, start_response, begun)

    def _read(
        self,
        key: str,
        policy: Policy,
        parts: Mapping[str, Any],
        environ: "WSGIEnvironment",
        start_response: "StartResponse",
        begun: float,
    ) -> Iterable[bytes]:
        terms = Terms(
            policy,
            self._settings.cache_ttl_seconds if policy.ttl is None else policy.ttl,
            self._settings.cache_stale_seconds if policy.stale is None else policy.stale,
            CONTROL,
        )
        loading = Loading(lambda: self._call(environ), terms)
        tags = [tag.format(**parts) for tag in policy.tags]
        found = read(self._reader, key, tags, loading, environ)
        if found is not None and found.value is not loading.stored:
            _close(loading.direct)
            return self._reuse(found.value, environ, start_response, found.result, begun)  # type: ignore[arg-type]
        if loading.stored is not None:
            instruments().responses.labels("miss").inc()
            status = answers.miss(kept=loading.kept)
            return _send(answers.answer(loading.stored, environ, status, reused=False), start_response)
        if loading.direct is not None:
            instruments().responses.labels("pass").inc()
            return _send_direct(loading.direct, environ, start_response)
        return self._pass(environ, start_response)

    def _reuse(
        self, stored: Stored, environ: "WSGIEnvironment", start_response: "StartResponse", result: str, begun: float
    ) -> Iterable[bytes]:
        status = answers.miss(kept=True, collapsed=True) if result == "miss" else answers.hit(stored)
        answer = answers.answer(stored, environ, status, reused=True)
        instruments().responses.labels("collapsed" if result == "miss" else result).inc()
        if self._state.requests is not None:
            seconds = perf_counter() - begun
            self._state.requests.record(environ["REQUEST_METHOD"], stored.head.rule, int(answer.status[:3]), seconds)
        return _send(answer, start_response)

    def _pass(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        instruments().responses.labels("pass").inc()

        def start(status: str, headers: Headers, *rest: Any) -> Any:
            return start_response(status, [*headers, ("Cache-Status", answers.BYPASS)], *rest)

        return self.app(environ, start)

    def _call(self, environ: "WSGIEnvironment") -> tuple[Plain, Sent]:
        """The app's response to the request as a GET without conditions."""
        asked = {name: value for name, value in environ.items() if name not in CONDITIONS}
        asked["REQUEST_METHOD"] = "GET"
        started: list[tuple[str, Headers]] = []

        def start(status: str, headers: Headers, *_rest: Any) -> Any:
            started[:] = [(status, headers)]
            return _no_write

        body = self.app(asked, start)
        status, headers = started[0]
        sent = Sent(status, headers, body)
        if not 0 <= _length(status, headers) <= self._settings.cache_response_max_bytes:
            return Plain(status, headers, None), sent
        try:
            whole = b"".join(body)
        finally:
            _close(sent)
        return Plain(status, headers, whole, asked.get(RULE, "")), Sent(status, headers, [whole])

    def _policy(self, environ: "WSGIEnvironment") -> tuple[Policy | None, Mapping[str, Any]]:
        """What holds for the request, and the parts of its URL."""
        if policy := find(self._rules, environ.get("PATH_INFO", "")):
            return policy, {}
        views = self._public_views()
        if not views:
            return None, {}
        adapter = self._flask.create_url_adapter(self._flask.request_class(environ))
        try:
            endpoint, parts = adapter.match() if adapter else ("", {})
        except (HTTPException, RequestRedirect):
            return None, {}
        return views.get(endpoint), parts

    def _public_views(self) -> Mapping[str, Policy]:
        """By endpoint, the policies of views that say `public=True` and have no other decorator around."""
        if self._views is None:
            found = ((name, getattr(view, "public", None), view) for name, view in self._flask.view_functions.items())
            views = {
                name: public.policy
                for name, public, view in found
                if isinstance(public, Public) and public.view is view
            }
            if not self._flask._got_first_request:
                return views
            self._views = views
        return self._views


class Public(NamedTuple):
    """On a view's wrapper: its policy, and the wrapper itself; one around it has a copy that names another."""

    policy: Policy
    view: Any


def _may_have(stored: Stored, environ: "WSGIEnvironment") -> bool:
    return is_for_cache(environ) and (stored.head.public or not has_credentials(environ))


def _send(answer: answers.Answer, start_response: "StartResponse") -> Iterable[bytes]:
    start_response(answer.status, answer.headers)
    return [answer.body] if answer.body else []


def _send_direct(sent: Sent, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    start_response(sent.status, [*sent.headers, ("Cache-Status", answers.miss(kept=False))])
    if environ["REQUEST_METHOD"] != "HEAD":
        return sent.body
    _close(sent)
    return []


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


def _no_write(_data: bytes) -> None:
    raise NotImplementedError("a cached response is not made by WSGI's write()")

"""`cached_response`: a view whose response is kept; what Flask does before and after it is done for every request."""

import functools
import logging
from collections.abc import Callable
from typing import Any

from flask import Response, current_app, request
from flask.globals import request_ctx

from flask_scale.cache.keys import safe_key
from flask_scale.cache.read_through import ReadThrough
from flask_scale.cache.stored import Stored
from flask_scale.metrics.instruments import instruments
from flask_scale.response_cache import answer as answers
from flask_scale.response_cache.keys import url_key
from flask_scale.response_cache.loading import Loading, Plain, Terms
from flask_scale.response_cache.middleware import CONDITIONS, HANDLED, Public
from flask_scale.response_cache.policy import Policy
from flask_scale.response_cache.reading import is_for_cache, read
from flask_scale.settings import Settings

log = logging.getLogger(__name__)

#: Of a response whose Cache-Control is silent: it is for who passed the access check; a browser asks each time.
CONTROL = "private, no-cache"

View = Callable[..., Any]


class ViewResponses:
    """Responses of views, kept as the views make them: before compression and the app's after_request hooks."""

    def __init__(self, reader: ReadThrough, settings: Settings) -> None:
        self._reader = reader
        self._settings = settings

    def respond(self, policy: Policy, view: View, args: Any, kwargs: Any) -> Any:
        """The stored response, else the view's."""
        environ = request.environ
        if not is_for_cache(environ):
            return view(*args, **kwargs)
        key = url_key(environ, "view")
        if policy.key is not None:
            key = safe_key(f"{key}|{policy.key()}")
        terms = Terms(
            policy,
            self._settings.cache_ttl_seconds if policy.ttl is None else policy.ttl,
            self._settings.cache_stale_seconds if policy.stale is None else policy.stale,
            CONTROL,
        )
        loading = Loading(lambda: self._call(policy, view, args, kwargs), terms)
        found = read(self._reader, key, [tag.format(**kwargs) for tag in policy.tags], loading, environ)
        if found is not None and found.value is not loading.stored:
            return self._reuse(found.value, found.result)  # type: ignore[arg-type]
        if loading.stored is not None:
            instruments().responses.labels("miss").inc()
            return _response(loading.stored, answers.miss(kept=loading.kept), reused=False)
        instruments().responses.labels("pass").inc()
        return view(*args, **kwargs) if loading.direct is None else loading.direct

    @staticmethod
    def _reuse(stored: Stored, result: str) -> Response:
        instruments().responses.labels("collapsed" if result == "miss" else result).inc()
        status = answers.miss(kept=True, collapsed=True) if result == "miss" else answers.hit(stored)
        return _response(stored, status, reused=True)

    def _call(self, policy: Policy, view: View, args: Any, kwargs: Any) -> tuple[Plain, Response]:
        environ = request.environ
        conditions = {name: environ.pop(name) for name in CONDITIONS if name in environ}
        # Flask's own door to it, `flask.session`, would count as a reader.
        opened = request_ctx._session
        was_read = opened is not None and opened.accessed
        try:
            if opened is not None:
                opened.accessed = False
            response = current_app.make_response(view(*args, **kwargs))
            is_personal = policy.key is None and opened is not None and opened.accessed
        finally:
            if opened is not None:
                opened.accessed = opened.accessed or was_read
            environ.update(conditions)
        if is_personal:
            log.warning(
                "%s reads the session: its response is not cached; give cached_response a key=", request.endpoint
            )
        length = None if response.is_streamed else response.calculate_content_length()
        whole = not is_personal and length is not None and length <= self._settings.cache_response_max_bytes
        body = response.get_data() if whole else None
        return Plain(response.status, list(response.headers), body), response


def cached_response(responses_of: Callable[[], ViewResponses], policy: Policy) -> Callable[[View], View]:
    """Make a view keep its response in what `responses_of` gives at each call."""

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def cached(*args: Any, **kwargs: Any) -> Any:
            if HANDLED in request.environ:
                return view(*args, **kwargs)
            return responses_of().respond(policy, view, args, kwargs)

        if policy.public:
            cached.public = Public(policy, cached)  # type: ignore[attr-defined]
        return cached

    return decorate


def _response(stored: Stored, cache_status: str, *, reused: bool) -> Response:
    made = answers.answer(stored, request.environ, cache_status, reused=reused)
    response = current_app.response_class(made.body, made.status)
    response.headers.clear()
    response.headers.extend(made.headers)
    return response

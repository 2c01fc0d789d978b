"""`cached_response`: a view whose response is kept; what Flask does before and after it is done for every request."""

import functools
import logging
from collections.abc import Callable
from typing import Any

from flask import Response, current_app, request
from flask.globals import request_ctx
from flask.views import View as ClassView
from werkzeug.exceptions import HTTPException

from flask_scale.cache.read_through import ReadThrough
from flask_scale.cache.stored import IDENTITY, Stored
from flask_scale.metrics.instruments import instruments
from flask_scale.response_cache import answer as answers
from flask_scale.response_cache.keys import url_of, view_key
from flask_scale.response_cache.loading import Loading, Plain, Terms
from flask_scale.response_cache.policy import Policy, Public
from flask_scale.response_cache.reading import CONDITIONS, HANDLED, is_for_cache, peek, read
from flask_scale.settings import Settings

log = logging.getLogger(__name__)

#: Of a response whose Cache-Control is silent: it is for who passed the access check; a browser asks each time.
CONTROL = "private, no-cache"

#: On a response: what it was made of, until the app's own hooks have seen it.
STORED = "flask_scale_stored"

View = Callable[..., Any]


class ViewResponses:
    """Responses of views, kept as the views make them: before the app's after_request hooks."""

    def __init__(self, reader: ReadThrough, settings: Settings) -> None:
        self._reader = reader
        self._settings = settings

    def respond(self, policy: Policy, name: str, view: View, args: Any, kwargs: Any) -> Any:
        """The stored response, else the view's, whose name tells it from others at the same URL."""
        environ = request.environ
        url = url_of(environ, forwarded=True) if is_for_cache(environ) else None
        if url is None or not _has_key(policy, name, args, kwargs):
            return view(*args, **kwargs)
        key = view_key(url, name, policy.key() if policy.key is not None else "")
        if request.method == "HEAD":  # what the view answers to it has no body to keep
            kept = peek(self._reader.cache.get, key, environ)
            return view(*args, **kwargs) if kept is None else _response(kept, answers.reused(kept, "hit"), reused=True)
        terms = Terms.of(policy, self._settings, CONTROL)
        loading = Loading(lambda: self._call(policy, name, view, args, kwargs), terms)
        tags = [tag.format(**(request.view_args or {})) for tag in policy.tags]
        try:
            found = read(self._reader, key, tags, loading, environ)
        except HTTPException:
            if loading.begun:
                raise
            return view(*args, **kwargs)  # another was refused: it may be for who they are
        if found is not None and found.value is not loading.stored:
            if loading.direct is not None:
                loading.direct.close()
            stored: Stored = found.value  # type: ignore[assignment]
            return _response(stored, answers.reused(stored, found.result), reused=True)
        if loading.stored is not None:
            instruments().responses.labels("miss").inc()
            return _response(loading.stored, answers.miss(kept=loading.kept), reused=False)
        instruments().responses.labels("pass").inc()
        return view(*args, **kwargs) if loading.direct is None else loading.direct

    def _call(self, policy: Policy, name: str, view: View, args: Any, kwargs: Any) -> tuple[Plain, Response]:
        environ = request.environ
        conditions = {name: environ.pop(name) for name in CONDITIONS if name in environ}
        try:
            response = current_app.make_response(view(*args, **kwargs))
        finally:
            environ.update(conditions)
        # Flask's own door to it, `flask.session`, would count as a reader.
        session = request_ctx._session
        is_personal = policy.key is None and session is not None and session.accessed
        if is_personal:
            _warn(name, "the session was read, so that its response may be one client's and is not cached")
        length = None if response.is_streamed else response.calculate_content_length()
        if is_personal or length is None or length > self._settings.cache_response_max_bytes:
            return Plain(response.status, list(response.headers), None), response
        plain = Plain(response.status, list(response.headers), response.get_data())
        response.close()
        return plain, response


def cached_response(responses_of: Callable[[], ViewResponses], policy: Policy) -> Callable[[View], View]:
    """Make a view keep its response in what `responses_of` gives at each call.

    Raises:
        ValueError: `public` and `key` contradict each other.
        TypeError: the view has a decorator already, which would not be asked.
    """
    if policy.public and policy.key is not None:
        raise ValueError("cached_response: what anybody may have (public=True) does not depend on who asks (key=)")

    def decorate(view: View) -> View:
        name = f"{view.__module__}.{view.__qualname__}"
        if hasattr(view, "__wrapped__"):
            raise TypeError(
                f"cached_response on {name}: put it directly above the function, below every other decorator; "
                "one below it would not be asked before a cached response is given"
            )

        @functools.wraps(view)
        def cached(*args: Any, **kwargs: Any) -> Any:
            plain = current_app.ensure_sync(view)
            if request.environ.get(HANDLED):
                return plain(*args, **kwargs)
            return responses_of().respond(policy, name, plain, args, kwargs)

        if policy.public:
            cached.public = Public(policy, cached)  # type: ignore[attr-defined]
        return cached

    return decorate


def encode(response: Response) -> Response:
    """Give a stored response its encoding, and answer conditions; for after the app's own hooks.

    One whose body they changed is theirs.
    """
    stored: Stored | None = getattr(response, STORED, None)
    if stored is None or response.is_streamed or response.get_data() != stored.body(IDENTITY):
        return response
    made = answers.answer(stored, request.environ, "", reused=False)
    for name, value in made.headers:
        if name in ("Content-Encoding", "Content-Length", "ETag"):
            response.headers[name] = value
    if made.status.startswith("304"):
        response.status = made.status
        for name in [name for name, _ in response.headers if name.lower().startswith("content-")]:
            del response.headers[name]
        response.set_data(b"")
    else:
        response.set_data(stored.body(response.headers.get("Content-Encoding", IDENTITY)))
    return response


def _response(stored: Stored, cache_status: str, *, reused: bool) -> Response:
    response = current_app.response_class(stored.body(IDENTITY), stored.head.status)
    response.headers.clear()
    response.headers.extend(stored.headers(IDENTITY))
    if reused:
        response.headers["Age"] = str(int(stored.age))
    response.headers["Cache-Status"] = cache_status
    setattr(response, STORED, stored)
    return response


def _has_key(policy: Policy, name: str, args: Any, kwargs: Any) -> bool:
    """Whether the URL, or a key of its own, says all that the view is called with."""
    own = args[1:] if args and isinstance(args[0], ClassView) else args
    if policy.key is not None or (not own and kwargs == (request.view_args or {})):
        return True
    _warn(name, "called with more than its URL says, it is not cached")
    return False


@functools.lru_cache(maxsize=1024)
def _warn(name: str, why: str) -> None:
    """Once for a view."""
    log.warning("%s: %s; give cached_response a key=, of nothing where all get the same", name, why)

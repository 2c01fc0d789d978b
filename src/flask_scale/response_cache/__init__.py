"""Caching of complete responses: in front of Flask where anybody may have them, else behind its access checks.

`policy.py` says what is cached, `storing.py` and `answer.py` keep to RFC 9111 and RFC 9110.
"""

from flask import Flask

from flask_scale.cache.read_through import ReadThrough
from flask_scale.errors import SettingsError
from flask_scale.proxy import has_own_proxy_fix
from flask_scale.response_cache.middleware import ResponseCache
from flask_scale.response_cache.policy import Policy, parse_rules
from flask_scale.response_cache.view import ViewResponses, cached_response, encode
from flask_scale.state import State

__all__ = ["Policy", "ViewResponses", "cached_response", "init_app", "parse_rules"]


def init_app(app: Flask, state: State) -> None:
    """Put the cache in front of the app; it does nothing until a rule or a view asks for it."""
    assert state.cache is not None, "the cache is set up first"
    settings = state.settings
    try:
        rules = parse_rules(settings.cache_responses)
    except ValueError as error:
        raise SettingsError(f"FLASK_SCALE_CACHE_RESPONSES: {error}") from error
    lease = settings.cache_lease_seconds
    state.reader = ReadThrough(state.cache.backend, lease_seconds=lease, wait_seconds=lease)
    state.responses = ViewResponses(state.reader, settings)
    front = ResponseCache(app, state, state.reader, rules, forwarded=has_own_proxy_fix(app))
    app.wsgi_app = front  # type: ignore[method-assign]
    # The first in the list is the last that Flask calls; what is set up after this comes later still.
    app.after_request_funcs.setdefault(None, []).insert(0, encode)
    state.parts["response_cache"] = f"on: {len(rules)} rules" if rules else "on, for views that ask for it"

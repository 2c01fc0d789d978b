"""Who may do what: API keys and their scopes.

A view says what it demands with `@needs("users:read")`, right above its function; the key is checked
before the view's input is, so a stranger learns nothing. `owner()` is whose jobs and files a request
makes, `sees()` whose it may look at.
"""

from collections.abc import Callable
from typing import TypeVar

from flask import Flask, current_app, g, request

from flask_scale.errors import SettingsError
from services.api.problems import Problem
from services.domain import api_keys
from services.domain.api_keys import Access, Scope

View = TypeVar("View", bound=Callable[..., object])

GUARDED = "/v1/"
REALM = 'Bearer realm="user-directory"'


def needs(*scopes: Scope) -> Callable[[View], View]:
    """Demand each of `scopes` of the key: 401 without a good key, 403 without one. `admin` has every scope."""

    def mark(view: View) -> View:
        view.needs_scopes = scopes  # type: ignore[attr-defined]
        return view

    return mark


def access() -> Access:
    """What the request's key allows. Only in a view that has `@needs`."""
    found: Access = g.access
    return found


def owner() -> str:
    """Whose jobs and files the request makes."""
    return access().owner


def sees() -> str | None:
    """Whose jobs and files the request may look at; None is everyone's, for the `admin` scope."""
    return None if access().allows("admin") else access().owner


def init_app(app: Flask) -> None:
    """Check the key of every request to a view that has `@needs`."""
    app.before_request(_check)


def require_guards(app: Flask) -> None:
    """Refuse to start with an unguarded route; call it when all are there.

    Raises:
        SettingsError: a route under /v1/ has no `@needs`.
    """
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(GUARDED) and not hasattr(app.view_functions[rule.endpoint], "needs_scopes"):
            raise SettingsError(f"route {rule.rule} demands no scope: put @needs(...) on {rule.endpoint}")


def _check() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    scopes: tuple[Scope, ...] = getattr(view, "needs_scopes", ())
    if not scopes:
        return
    g.access = _authenticate()
    for scope in scopes:
        _demand(scope)


def _demand(scope: Scope) -> None:
    if not g.access.allows(scope):
        raise Problem(
            "forbidden",
            f"the API key lacks the scope {scope}",
            headers={"WWW-Authenticate": f'{REALM}, error="insufficient_scope", scope="{scope}"'},
        )


def _authenticate() -> Access:
    given = request.authorization
    if given is None or given.type != "bearer":
        raise Problem("unauthorized", headers={"WWW-Authenticate": REALM})
    found = api_keys.check(given.token or "")
    if found is None:
        raise Problem(
            "unauthorized",
            "the API key is unknown, expired or revoked",
            headers={"WWW-Authenticate": f'{REALM}, error="invalid_token"'},
        )
    return found

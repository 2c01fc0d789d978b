"""The user directory's API: `flask-scale serve "services.api.app:create_app()"`."""

from collections.abc import Mapping
from typing import Any

from flask import Flask, Response
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI

from services.api import access, docs, exports, imports, jobs, keys, problems, requests, statistics, users
from services.api.problems import refuse_invalid
from services.api.schemas import ProblemBody
from services.domain import settings
from services.domain.scale import scale

SECURITY: dict[str, Any] = {"key": {"type": "http", "scheme": "bearer", "description": "An API key: `fsk_...`"}}


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Build the app. `config` may give settings (FLASK_SCALE_*, USER_DIRECTORY_*) that the environment does not.

    Raises:
        SettingsError: a setting is wrong; the message names it and the remedy.
    """
    app = OpenAPI(
        "services.api",
        info=Info(title="User directory", version="1", description=docs.INTRODUCTION),
        security_schemes=SECURITY,
        validation_error_status=422,
        validation_error_model=ProblemBody,
        validation_error_callback=refuse_invalid,
        doc_ui=False,
        static_folder=None,
    )
    app.config.update(config or {})
    app.url_map.merge_slashes = False
    settings.init_app(app)
    scale.init_app(app)
    problems.init_app(app)
    access.init_app(app)
    requests.init_app(app)
    for resource in (users, statistics, imports, exports, jobs):
        app.register_api(resource.blueprint)
    docs.init_app(app)
    app.cli.add_command(keys.group)
    app.after_request(_add_headers)
    access.require_guards(app)
    return app


def _add_headers(response: Response) -> Response:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Cache-Control", "no-store")
    return response

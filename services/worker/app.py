"""The user directory's worker: `flask-scale worker "services.worker.app:create_app()"`."""

from collections.abc import Mapping
from typing import Any

from flask import Flask

from services.domain import settings
from services.domain.scale import scale
from services.domain.tasks import export_users, import_users
from services.worker import exports, imports

import_users.handler(imports.run)
export_users.handler(exports.run)


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Build the app. `config` may give settings (FLASK_SCALE_*, USER_DIRECTORY_*) that the environment does not.

    Raises:
        SettingsError: a setting is wrong; the message names it and the remedy.
    """
    app = Flask("services.worker")
    app.config.update(config or {})
    settings.init_app(app)
    scale.init_app(app)
    return app

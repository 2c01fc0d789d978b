"""Finding the Flask app that `module:app` or `module:create_app()` names."""

import os
import sys

from flask import Flask
from gunicorn.errors import AppImportError
from gunicorn.util import import_app

from flask_scale.errors import AppNotFound


def load_app(name: str) -> Flask:
    """Import the app, with the current folder on the import path as gunicorn has it.

    Raises:
        AppNotFound: nothing there, or what is there is not a Flask app.
    """
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        app = import_app(name)
    except (ImportError, AppImportError) as error:
        raise AppNotFound(f"cannot load {name!r}: {error}") from error
    if not isinstance(app, Flask):
        raise AppNotFound(f"{name!r} is a {type(app).__name__}, not a Flask app")
    return app

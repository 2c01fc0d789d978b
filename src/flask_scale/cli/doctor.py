"""`flask-scale doctor`: what is on, what is missing, what is dangerous."""

import sys

import click
from flask import Flask
from rich.console import Console
from rich.table import Column, Table

from flask_scale import doctor
from flask_scale.errors import AppNotFound
from flask_scale.extension import FlaskScale
from flask_scale.loading import load_app
from flask_scale.server.failure import describe
from flask_scale.settings import load_settings
from flask_scale.state import EXTENSION, state_of

STYLES = {"ok": "green", "missing": "yellow", "danger": "bold red"}


@click.command(
    name="doctor",
    epilog="Examples:  flask-scale doctor    flask-scale doctor myapp:app    flask-scale doctor 'myapp:create_app()'",
)
@click.argument("app", required=False)
def command(app: str | None) -> None:
    """Say what is on, what is missing and what is dangerous, each with its remedy.

    Ends with 1 where something is dangerous, with 2 where a setting or APP is wrong.
    """
    flask_app = _load(app) if app else None
    settings = state_of(flask_app).settings if flask_app else load_settings()
    columns = ("", "what", "finding", "remedy")
    table = Table(*(Column(name, overflow="fold") for name in columns), box=None, padding=(0, 2, 0, 0))
    dangers = 0
    for finding in doctor.examine(settings, flask_app):
        dangers += finding.level == "danger"
        level = f"[{STYLES[finding.level]}]{finding.level}[/]"
        table.add_row(level, finding.subject, finding.what, finding.remedy)
    Console().print(table)
    sys.exit(1 if dangers else 0)


def _load(name: str) -> Flask:
    try:
        app = load_app(name)
    except Exception as error:
        raise AppNotFound(describe(name, error)) from error
    if EXTENSION not in app.extensions:
        FlaskScale(app)
    return app

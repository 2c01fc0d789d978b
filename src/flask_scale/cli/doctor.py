"""`flask-scale doctor`: what is on, what is missing, what is dangerous."""

import sys

import click
from rich.console import Console
from rich.table import Table

from flask_scale import doctor
from flask_scale.extension import FlaskScale
from flask_scale.loading import load_app
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
    flask_app = load_app(app) if app else None
    if flask_app is not None and EXTENSION not in flask_app.extensions:
        FlaskScale(flask_app)
    settings = state_of(flask_app).settings if flask_app else load_settings()
    table = Table("", "what", "finding", "remedy", box=None, padding=(0, 2, 0, 0))
    dangers = 0
    for finding in doctor.examine(settings, flask_app):
        dangers += finding.level == "danger"
        level = f"[{STYLES[finding.level]}]{finding.level}[/]"
        table.add_row(level, finding.subject, finding.what, finding.remedy)
    Console().print(table)
    sys.exit(1 if dangers else 0)

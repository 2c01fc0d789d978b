"""`flask-scale`: the command line. Each command lives in the file of its name."""

import importlib
import sys

import click

from flask_scale.errors import FlaskScaleError

#: Command by name, and what `--help` says of it. A command's module is imported when it is called:
#: `serve` has to patch the process before anything else is loaded.
COMMANDS = {
    "serve": "Run a Flask app on gunicorn, tuned for high traffic.",
    "worker": "Run the app's tasks on a Celery worker.",
    "migrate": "Bring the database to the newest schema.",
    "dev": "Run the whole architecture on this machine.",
    "doctor": "Say what is on, what is missing and what is dangerous.",
    "jobs": "List, show, retry, cancel and purge jobs.",
}


class Commands(click.Group):
    """Loads a command's module at its first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"flask_scale.cli.{name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands)
@click.version_option(package_name="flask-scale")
def group() -> None:
    """Takes a Flask app to high traffic: server, cache, database, durable jobs."""


def main() -> None:
    """The entry point. An error of ours ends with its one line and exit code 2."""
    try:
        group()
    except FlaskScaleError as error:
        click.echo(f"flask-scale: {error}", err=True)
        sys.exit(2)

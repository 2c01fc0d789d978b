"""`flask-scale migrate`: bring the database to the newest schema."""

import sys

import click
from sqlalchemy.exc import SQLAlchemyError

from flask_scale import migrate
from flask_scale.settings import load_settings


@click.command("migrate")
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 where revisions are pending.")
def command(check: bool) -> None:
    """Bring the database to the newest schema: flask_scale's tables, then the app's.

    Reads FLASK_SCALE_DATABASE_URL, and FLASK_SCALE_MIGRATIONS for the app's own Alembic folder. Safe to
    run from many places at once. Exit codes: 0 is current, 1 is pending or failed, 2 is wrong settings.

    \b
    Examples:
      flask-scale migrate
      flask-scale migrate --check && flask-scale serve myapp:app
    """
    settings = load_settings()
    try:
        if check:
            _check(migrate.pending(settings))
        else:
            migrate.upgrade(settings, click.echo)
    except (SQLAlchemyError, TimeoutError) as error:
        raise click.ClickException(str(getattr(error, "orig", error)).strip()) from error


def _check(pending: list[str]) -> None:
    for line in pending:
        click.echo(f"pending: {line}")
    if pending:
        sys.exit(1)
    click.echo("the schema is current")

"""`flask-scale migrate`: bring the database to the newest schema."""

import sys
import time

import click

from flask_scale.revisions import are_applied
from flask_scale.settings import Settings, load_settings

#: Seconds between two looks at the schema.
WAIT_STEP_SECONDS = 1.0

CURRENT = "the schema is current"


@click.command("migrate")
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 where revisions are pending.")
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="With --check: how long to wait for the database, and for whoever migrates it.",
)
def command(check: bool, wait: float) -> None:
    """Bring the database to the newest schema: flask_scale's tables, then the app's.

    Reads FLASK_SCALE_DATABASE_URL, and FLASK_SCALE_MIGRATIONS for the app's own Alembic folder. Safe to
    run from many places at once. Exit codes: 0 is current, 1 is pending or failed, 2 is wrong settings.

    \b
    Examples:
      flask-scale migrate
      flask-scale migrate --check && flask-scale serve myapp:app
      flask-scale migrate --check --wait 300
    """
    settings = load_settings()
    if check and are_applied(settings):
        click.echo(CURRENT)
        return
    from sqlalchemy.exc import SQLAlchemyError

    from flask_scale import migrate

    try:
        if check:
            _check(_pending(settings, wait))
        else:
            migrate.upgrade(settings, click.echo)
    except (SQLAlchemyError, TimeoutError) as error:
        raise click.ClickException(str(getattr(error, "orig", error)).strip()) from error


def _pending(settings: Settings, wait: float) -> list[str]:
    """What is pending once nothing is, or once `wait` seconds are over; each reason to wait is told once."""
    from sqlalchemy.exc import OperationalError

    from flask_scale import migrate

    deadline = time.monotonic() + wait
    told: set[str] = set()
    while True:
        try:
            pending = migrate.pending(settings)
            reason = f"pending revisions: {len(pending)}"
        except OperationalError as error:
            if time.monotonic() >= deadline:
                raise
            pending, reason = None, str(error.orig).splitlines()[0]
        if pending == [] or (pending and time.monotonic() >= deadline):
            return pending
        if reason not in told:
            told.add(reason)
            click.echo(f"waiting: {reason}")
        time.sleep(WAIT_STEP_SECONDS)


def _check(pending: list[str]) -> None:
    for line in pending:
        click.echo(f"pending: {line}")
    if pending:
        sys.exit(1)
    click.echo(CURRENT)

"""`flask-scale dev`: the whole architecture on this machine."""

from pathlib import Path

import click

from flask_scale.dev.nginx import BODY_MEGABYTES


@click.command(
    epilog='Example: flask-scale dev "shop.web:create_app()" --api 3 --data .shop  '
    "Its addresses stand in DATA/dev.json once all is ready."
)
@click.argument("app", default="app:app")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1024, 65000), help="Where nginx listens.")
@click.option("--api", default=2, show_default=True, type=click.IntRange(1, 16), help="gunicorn instances.")
@click.option("--worker-app", metavar="APP", help="The app whose tasks the Celery worker runs; APP by default.")
@click.option(
    "--data",
    default=".flask-scale",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of data, logs and dev.json.",
)
@click.option("--ephemeral", is_flag=True, help="Keep no data: databases begin empty and are gone at the end.")
@click.option(
    "--after-migrate", metavar="MODULE:FUNCTION", help="Called with the settings; returns an API key to show."
)
@click.option(
    "--max-body",
    default=BODY_MEGABYTES,
    show_default=True,
    type=click.IntRange(1),
    help="Largest request body nginx lets through, in MiB.",
)
@click.option("--verbose", is_flag=True, help="Show the logs of PostgreSQL, Valkey and nginx too.")
def command(
    app: str,
    port: int,
    api: int,
    worker_app: str | None,
    data: Path,
    ephemeral: bool,
    after_migrate: str | None,
    max_body: int,
    verbose: bool,
) -> None:
    """Run APP ("module:app" or "module:create_app()") in the whole architecture on this machine.

    nginx balances over gunicorn instances; beside them run PostgreSQL, a cache, a broker and a
    Celery worker, all from wheels, all on 127.0.0.1. Ctrl-C stops everything.
    """
    from flask_scale.dev.stack import Options, Stack

    options = Options(
        app=app,
        worker_app=worker_app or app,
        port=port,
        instances=api,
        folder=data,
        ephemeral=ephemeral,
        verbose=verbose,
        after_migrate=after_migrate,
        body_megabytes=max_body,
    )
    Stack(options).run()

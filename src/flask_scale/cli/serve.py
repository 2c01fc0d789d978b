"""`flask-scale serve`: run a Flask app on gunicorn."""

import click

from flask_scale.server.start import start


@click.command("serve")
@click.argument("app")
def command(app: str) -> None:
    """Run APP on gunicorn, tuned for high traffic.

    APP is `module:app` or `module:create_app()`; it need know nothing of flask_scale.
    Everything is set by FLASK_SCALE_* variables, see docs/reference/settings.md.

    \b
    Examples:
      flask-scale serve myapp:app
      FLASK_SCALE_WORKERS=2 flask-scale serve "myapp:create_app()"
    """
    settings = start()
    from flask_scale.server.application import serve

    serve(app, settings)

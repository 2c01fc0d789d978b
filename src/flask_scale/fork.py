"""What a forked process does first with the clients that it inherited."""

from flask import Flask

from flask_scale.state import state_of


def after_fork(app: Flask) -> None:
    """Give the process connections of its own. Call it in gunicorn's post_fork and Celery's worker_process_init."""
    state = state_of(app)
    for client in (state.database, state.cache, state.reader, state.jobs):
        if client is not None:
            client.after_fork()

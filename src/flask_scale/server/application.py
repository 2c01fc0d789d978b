"""gunicorn as `flask-scale serve` runs it."""

import socket
from time import monotonic, sleep

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.util import is_ipv6, parse_address

from flask_scale import logging
from flask_scale.errors import SettingsError
from flask_scale.loading import load_app
from flask_scale.server.config import gunicorn_settings
from flask_scale.settings import Settings

#: Seconds in which an address must become free; a predecessor that was killed holds it for a second.
BIND_PATIENCE = 5.0


class Application(BaseApplication):  # type: ignore[misc]
    """Serves the Flask app that `app_uri` names, with `settings`."""

    def __init__(self, app_uri: str, settings: Settings) -> None:
        self.app_uri = app_uri
        # Made once: the hooks know which slots are taken, and a reload must not forget it.
        self._gunicorn_settings = gunicorn_settings(settings)
        super().__init__()

    def load_config(self) -> None:
        """Give gunicorn its settings, at the start and at each reload."""
        for name, value in self._gunicorn_settings.items():
            self.cfg.set(name, value)
        self.cfg.set("default_proc_name", self.app_uri)

    def load(self) -> Flask:
        """Import the app, in the gunicorn worker."""
        return load_app(self.app_uri)


def serve(app_uri: str, settings: Settings) -> None:
    """Run gunicorn in this process until it is told to end.

    Raises:
        SettingsError: an address is taken or not this machine's.
    """
    _check_free("FLASK_SCALE_BIND", settings.bind)
    _check_free("FLASK_SCALE_INTERNAL_BIND", settings.internal_bind)
    logging.configure(settings)
    Application(app_uri, settings).run()


def _check_free(name: str, bind: str) -> None:
    deadline = monotonic() + BIND_PATIENCE
    while (problem := _problem(bind)) is not None:
        if monotonic() > deadline:
            raise SettingsError(f"{name}={bind!r}: {problem}; free it or choose another host:port")
        sleep(0.1)


def _problem(bind: str) -> str | None:
    host, port = parse_address(bind)
    family = socket.AF_INET6 if is_ipv6(host) else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
            trial.listen()
        except OSError as error:
            return error.strerror or str(error)
    return None

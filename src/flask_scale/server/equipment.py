"""What every gunicorn worker class of ours does when it loads the app."""

import logging
import sys
from typing import Any

from flask import Flask

from flask_scale.errors import AppNotFound
from flask_scale.extension import FlaskScale
from flask_scale.fork import after_fork
from flask_scale.health import internal_app
from flask_scale.server import memory, response
from flask_scale.server.arbiter import DrainingArbiter
from flask_scale.server.failure import StartFailure, describe
from flask_scale.server.listener import ByListener, InternalListener, find_internal
from flask_scale.settings import load_settings
from flask_scale.state import State, state_of

log = logging.getLogger("flask_scale.server")

#: Seconds that the probes and scrapes in flight have in a stopping gunicorn worker, once all else is done.
PROBE_SECONDS = 2.0


class Equipped:
    """Mixed into gunicorn's worker classes: the app gets flask_scale, and the internal port its own app."""

    app: Any
    age: int
    cfg: Any
    sockets: list[Any]
    wsgi: Any
    internal: InternalListener | None

    def load_wsgi(self) -> None:
        """Load the app, or end the start with the reason."""
        memory.hold()
        response.use()
        try:
            super().load_wsgi()  # type: ignore[misc]
            self.internal = find_internal(load_settings().internal_bind, self.cfg.address, self.sockets)
            self.wsgi = self._equip(self.wsgi)
            memory.settle()
        except Exception as error:
            log.debug("the app cannot be loaded", exc_info=True)
            failure: StartFailure = self.app.failure
            failure.tell(describe(self.app.app_uri, error))
            sys.exit(DrainingArbiter.APP_LOAD_ERROR)

    def take_internal(self) -> list[Any]:
        """Remove the internal listener from `sockets` and give it: none where it is not bound."""
        taken = [one for one in self.sockets if self.internal and self.internal.is_named(one.getsockname())]
        self.sockets = [one for one in self.sockets if one not in taken]
        return taken

    def _equip(self, app: Any) -> Any:
        if not isinstance(app, Flask):
            raise AppNotFound(f"{self.app.app_uri!r} is a {type(app).__name__}, not a Flask app")
        FlaskScale(app)
        if self.cfg.preload_app:
            after_fork(app)
        state = state_of(app)
        if self.internal is not None:
            state.parts["health"] = "on"
        if self.age == 1:
            _tell(state)
        return app if self.internal is None else ByListener(app, internal_app(app), self.internal)


def _tell(state: State) -> None:
    for part, what in state.parts.items():
        log.info("%s: %s", part, what)

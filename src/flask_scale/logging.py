"""Structured logs: one line a request, with the id that ties a request's lines together.

`FlaskScale(app)` alone only writes to the logger `flask_scale.access` and binds the request id to
structlog's context; it touches no handler. `configure`, which `flask-scale serve` calls, sends
every logger of the process (gunicorn's, the app's, Python warnings) to stdout in one format.
Headers and query strings are never logged.
"""

import logging
import random
import re
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog
from flask import Flask

from flask_scale.body import watched
from flask_scale.settings import Settings
from flask_scale.state import State

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ACCESS_LOGGER = "flask_scale.access"

#: A client's X-Request-ID is used when it looks like this, else a new one is made.
REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")

USER_AGENT_LENGTH = 120


class AccessLog:
    """WSGI middleware: gives a request its id, and writes its line once its body is sent."""

    def __init__(self, app: "WSGIApplication", settings: Settings) -> None:
        self.app = app
        self._logger = logging.getLogger(ACCESS_LOGGER)
        self._on = settings.access_log
        self._render = _renderer(settings)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        begun = time.perf_counter()
        identity = request_id(environ)
        environ["flask_scale.request_id"] = identity
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=identity)
        answered: dict[str, str] = {"status": "500"}

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            answered["status"] = status[:3]
            if not any(name.lower() == "x-request-id" for name, _ in headers):
                headers.append(("X-Request-ID", identity))
            return start_response(status, headers, *rest)

        def end(sent: int) -> None:
            if self.is_on:
                self.write(environ, int(answered["status"]), time.perf_counter() - begun, sent)

        try:
            body = self.app(environ, start)
        except BaseException:
            end(0)
            raise
        return watched(environ, body, end)

    @property
    def is_on(self) -> bool:
        """Whether lines are written."""
        return self._on and self._logger.isEnabledFor(logging.INFO)

    def write(self, environ: "WSGIEnvironment", status: int, seconds: float, sent: int) -> None:
        """Write a request's line: its time in seconds, and the bytes of its body."""
        event = {
            "event": "request",
            "method": environ["REQUEST_METHOD"],
            "path": environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace"),
            "status": status,
            "duration_ms": round(seconds * 1000, 1),
            "bytes": sent,
            "request_id": environ["flask_scale.request_id"],
            "client": environ.get("REMOTE_ADDR", ""),
            "user_agent": environ.get("HTTP_USER_AGENT", "")[:USER_AGENT_LENGTH],
            "level": "info",
            "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }
        line = str(self._render(self._logger, "info", event))
        # A record made by hand: Logger.info would walk the stack for the caller's line.
        self._logger.handle(logging.LogRecord(ACCESS_LOGGER, logging.INFO, "", 0, line, (), None))


def init_app(app: Flask, state: State) -> None:
    """Give each request an id and, where `access_log` is on, a line."""
    app.wsgi_app = AccessLog(app.wsgi_app, state.settings)  # type: ignore[method-assign]
    state.parts["logging"] = "on" if state.settings.access_log else "off: FLASK_SCALE_ACCESS_LOG is 0"


def configure(settings: Settings) -> None:
    """Send all logs of this process to stdout in one format. For a process that is ours, not for a library."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(settings)],
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level, force=True)
    logging.captureWarnings(True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    _configure_access_log()


def _configure_access_log() -> None:
    """Its lines are rendered when they are made: the handler writes them as they are."""
    logger = logging.getLogger(ACCESS_LOGGER)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(logging.INFO)


def _renderer(settings: Settings) -> Any:
    if settings.log_format == "console":
        return structlog.dev.ConsoleRenderer(colors=False)
    return structlog.processors.JSONRenderer()


def request_id(environ: "WSGIEnvironment") -> str:
    """The client's, where it looks like one, else a new one."""
    given: str = environ.get("HTTP_X_REQUEST_ID", "")
    # To tell requests apart, not to keep a secret: the kernel's random bytes would cost more than the rest of a hit.
    return given if REQUEST_ID.fullmatch(given) else f"{random.getrandbits(128):032x}"

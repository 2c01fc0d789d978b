"""What an orchestrator asks: /livez, /readyz and /metrics, on a port of their own.

Liveness is 200 as long as the process answers. Readiness is 503 once the drain has begun, and
depends on nothing else: a database or cache that is down must not take every replica away.
"""

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from flask import Flask

from flask_scale import board, metrics
from flask_scale.state import State, state_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: Status line, content type, body.
Answer = tuple[str, str, bytes]

OK = "200 OK"
NOT_MOUNTED = "off: no internal port; use `flask-scale serve`, or mount flask_scale.health.internal_app(app)"


def init_app(app: Flask, state: State) -> None:
    """Say that the port is not there; the server says otherwise once it serves it."""
    state.parts["health"] = NOT_MOUNTED


def internal_app(app: Flask) -> "WSGIApplication":
    """The WSGI app of the internal port: /livez, /readyz and /metrics of `app`.

    `flask-scale serve` mounts it on `internal_bind`. Mount it yourself under another WSGI server,
    on a port that clients cannot reach: it tells much and asks for no password.

    Raises:
        NotConfigured: `app` was never given to `FlaskScale`.
    """
    state = state_of(app)
    answers: dict[str, Callable[[WSGIEnvironment], Answer]] = {
        "/livez": lambda _environ: _status(OK, "ok"),
        "/readyz": lambda _environ: _readiness(),
        "/metrics": lambda environ: (OK, *metrics.scrape(state, environ.get("HTTP_ACCEPT"))),
    }

    def serve(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        answer = answers.get(environ["PATH_INFO"])
        if answer is None:
            status, content_type, body = _status("404 Not Found", "not found")
        elif environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            status, content_type, body = _status("405 Method Not Allowed", "GET or HEAD only")
        else:
            status, content_type, body = answer(environ)
        headers = [
            ("Content-Type", content_type),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
        ]
        start_response(status, headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    return serve


def _readiness() -> Answer:
    return _status("503 Service Unavailable", "draining") if board.current.draining else _status(OK, "ok")


def _status(line: str, status: str) -> Answer:
    return line, "application/json", json.dumps({"status": status}).encode()

"""Overload protection: a bound on the requests in flight over all processes of a gunicorn instance.

Failure policy: a request over the bound is answered 503 at once, before the app is entered,
and counted. The internal port is not behind this bound, so probes are always answered.
"""

import json
import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask

from flask_scale import board
from flask_scale.body import watched
from flask_scale.metrics.instruments import instruments
from flask_scale.state import State

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: Clients that were refused are asked to come back after 1 to this many seconds, at random.
RETRY_SECONDS = 4

PROBLEM = json.dumps(
    {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "Too many requests are in flight. Retry after the seconds in Retry-After.",
    }
).encode()


class InFlightLimit:
    """WSGI middleware that counts requests on the board until their body is closed.

    `limit` 0 counts and refuses nothing. A request counts itself before it looks at the total,
    so that the bound holds however many processes look at once.
    """

    def __init__(self, app: "WSGIApplication", limit: int) -> None:
        self.app = app
        self.limit = limit

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        live = board.current
        live.add("in_flight", 1)
        if self.limit and live.total("in_flight") > self.limit:
            live.add("in_flight", -1)
            return _refuse(start_response)
        try:
            body = self.app(environ, start_response)
        except BaseException:
            live.add("in_flight", -1)
            raise
        return watched(environ, body, lambda _bytes: live.add("in_flight", -1))


def init_app(app: Flask, state: State) -> None:
    """Put the bound around the whole app, and the body limit in its config where it has none."""
    settings = state.settings
    if settings.max_body_bytes and app.config.get("MAX_CONTENT_LENGTH") is None:
        app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.wsgi_app = InFlightLimit(app.wsgi_app, settings.max_in_flight)  # type: ignore[method-assign]
    off = "off: FLASK_SCALE_MAX_IN_FLIGHT is 0"
    state.parts["limits"] = "on" if settings.max_in_flight else off


def _refuse(start_response: "StartResponse") -> Iterable[bytes]:
    instruments().requests_shed.inc()
    headers = [
        ("Content-Type", "application/problem+json"),
        ("Content-Length", str(len(PROBLEM))),
        ("Retry-After", str(1 + secrets.randbelow(RETRY_SECONDS))),
        ("Cache-Control", "no-store"),
    ]
    start_response("503 Service Unavailable", headers)
    return [PROBLEM]

"""The Celery worker's internal port: /livez, /readyz and /metrics, answered by a thread."""

import json
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from gunicorn.util import is_ipv6, parse_address

from flask_scale import metrics
from flask_scale.jobs.liveness import Liveness
from flask_scale.jobs.quiet_fork import QuietFork
from flask_scale.state import State


class InternalServer(ThreadingHTTPServer):
    """Serves one Celery worker's state. Never expose it: it tells much and asks for no password."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, bind: str, state: State, liveness: Liveness, quiet: QuietFork) -> None:
        host, port = parse_address(bind)
        self.address_family = socket.AF_INET6 if is_ipv6(host) else socket.AF_INET
        super().__init__((host, port), _Handler)
        self.state = state
        self.liveness = liveness
        self.quiet = quiet

    def start(self) -> None:
        """Answer from now on."""
        threading.Thread(target=self.serve_forever, name="internal", daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A probe that hung up is not news; the rest is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: InternalServer
    timeout = 10

    def do_GET(self) -> None:
        answers = {"/livez": self._livez, "/readyz": self._readyz, "/metrics": self._metrics}
        answer = answers.get(self.path.partition("?")[0])
        if answer is None:
            self._answer(404, {"status": "not found"})
        else:
            answer()

    def _livez(self) -> None:
        alive = self.server.liveness.alive
        self._answer(200 if alive else 503, {"status": "ok" if alive else "the consumer loop is stuck"})

    def _readyz(self) -> None:
        ready = self.server.liveness.ready
        self._answer(200 if ready else 503, {"status": "ok" if ready else "not connected to the broker"})

    def _metrics(self) -> None:
        with self.server.quiet.at_work():
            content_type, body = metrics.scrape(self.server.state, self.headers.get("Accept"))
        self._send(200, content_type, body)

    def _answer(self, status: int, body: dict[str, str]) -> None:
        self._send(status, "application/json", json.dumps(body).encode())

    def _send(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Probes are not news."""

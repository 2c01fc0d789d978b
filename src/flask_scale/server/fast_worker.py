"""The gevent gunicorn worker with the short way for plain requests."""

from time import monotonic
from typing import Any

import gevent

from flask_scale.server import plain
from flask_scale.server.express import Express, express_for
from flask_scale.server.listener import ByListener
from flask_scale.server.plain.response import send
from flask_scale.server.worker import GeventWorker

#: A connection that always has a request ready lets others run after this many, or where one took this long.
TURN_REQUESTS = 16
TURN_SECONDS = 0.001


class FastWorker(GeventWorker):
    """Plain requests, which are nearly all, cost a fraction of what they cost gunicorn's own code."""

    _express: Express | None = None

    def load_wsgi(self) -> None:
        """Load the app, and take the short way from now on."""
        super().load_wsgi()
        plain.use(self.cfg)
        app: Any = self.wsgi.public if isinstance(self.wsgi, ByListener) else self.wsgi
        self._express = express_for(app, self.cfg)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        """Answer one request; let others run where this connection has had its turn."""
        if type(req) is not plain.PlainRequest:
            super().handle_request(listener_name, req, sock, addr)
            return
        begun = monotonic()
        if not self._answer_at_once(req, sock):
            self.answer(listener_name, req, sock, addr)
        if req.has_more or req.req_number % TURN_REQUESTS == 0 or monotonic() - begun > TURN_SECONDS:
            gevent.sleep(0)

    def _answer_at_once(self, request: plain.PlainRequest, connection: Any) -> bool:
        """Send the response that this process holds; False where the app has to be asked."""
        if self._express is None or not self.alive or self.nr + 1 >= self.max_requests:
            return False
        self.cfg.pre_request(self, request)
        data = self._express.answer(request)
        if data is None:
            return False
        self.nr += 1
        send(connection, data)
        return True

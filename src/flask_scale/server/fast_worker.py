"""The gevent gunicorn worker with the short way for plain requests."""

from time import monotonic
from typing import Any

import gevent

from flask_scale import board
from flask_scale.server import plain
from flask_scale.server.express import Express, express_for
from flask_scale.server.listener import ByListener
from flask_scale.server.plain.head import Head
from flask_scale.server.plain.parser import AtOnce, PlainParser
from flask_scale.server.plain.response import send
from flask_scale.server.worker import BUSY, GeventWorker

#: A connection that always has a request ready lets others run after this many, or where one took this long.
TURN_REQUESTS = 16
TURN_SECONDS = 0.001

#: For how long answers that were given at once may be missing in the metrics, in seconds.
UNTOLD_SECONDS = 0.1


class FastWorker(GeventWorker):
    """Plain requests, which are nearly all, cost a fraction of what they cost gunicorn's own code."""

    _express: Express | None = None
    _telling = False

    def load_wsgi(self) -> None:
        """Load the app, and take the short way from now on."""
        super().load_wsgi()
        app: Any = self.wsgi.public if isinstance(self.wsgi, ByListener) else self.wsgi
        self._express = express_for(app, self.cfg)
        plain.use(self.cfg, self._at_once_for)

    def run(self) -> None:
        """As ever; at the end the metrics are complete."""
        super().run()
        self._tell()

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        """Answer one request; let others run where this connection has had its turn."""
        if type(req) is not plain.PlainRequest:
            super().handle_request(listener_name, req, sock, addr)
            return
        begun, others = monotonic(), self.nr
        self.answer(listener_name, req, sock, addr)
        # While this one waited, for a database say, others have run.
        was_alone = self.nr == others + 1
        if _has_had_its_turn(req.req_number, req.unreader) or (was_alone and monotonic() - begun > TURN_SECONDS):
            gevent.sleep(0)

    def _at_once_for(self, connection: Any) -> AtOnce | None:
        """What answers at once on a connection of the public listeners."""
        is_internal = self.internal is not None and self.internal.accepted(connection)
        if is_internal or self._express is None or not self.cfg.keepalive:
            return None
        return self._answer_at_once

    def _answer_at_once(self, connection: Any, parser: PlainParser, head: Head, scheme: str) -> bool:
        """Send the response that this process holds; False where the app has to be asked."""
        assert self._express is not None
        if not self.alive or board.current.draining or self.nr + 1 >= self.max_requests:
            return False
        data = self._express.answer(head, scheme, parser.source_addr[0], close=not head.keep_alive)
        if data is None:
            return False
        self.nr += 1
        idle = self.waiting[gevent.getcurrent()]
        idle.since = BUSY
        send(connection, data)
        idle.since = monotonic()
        if not self._telling:
            self._telling = True
            gevent.spawn_later(UNTOLD_SECONDS, self._tell)
        if _has_had_its_turn(parser.req_count, parser.unreader):
            gevent.sleep(0)
        return True

    def _tell(self) -> None:
        self._telling = False
        if self._express is not None:
            self._express.tell()


def _has_had_its_turn(number: int, unreader: Any) -> bool:
    """Of a connection after its request `number`: by count, or since the client has sent more already."""
    return number % TURN_REQUESTS == 0 or bool(unreader.buf.tell())

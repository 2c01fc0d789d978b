"""The gevent gunicorn worker: fair between connections, quick to stop, and dropping nothing."""

import math
from functools import partial
from time import monotonic
from typing import Any

import gevent
from gevent import socket
from gevent.event import Event
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn.sock import ssl_context
from gunicorn.workers.ggevent import GeventWorker as PlainGeventWorker

from flask_scale import board
from flask_scale.server.equipment import PROBE_SECONDS, Equipped
from flask_scale.server.patching import make_psycopg2_cooperative, patch_gunicorn_worker

#: Seconds that a stopping gunicorn worker keeps idle connections for a request that may be on its way.
LINGER = 1.0


#: Later than any time: what is sending an answer is not idle.
BUSY = math.inf


class Idle(BaseException):
    """A connection's wait for its next request; thrown into it to end it, which is no error.

    gevent's own Timeout would start and stop a timer for each request.
    """

    def __init__(self, waiting: dict[Any, "Idle"]) -> None:
        super().__init__()
        self._waiting = waiting
        #: When it began to wait, or was last answered at once; `BUSY` while an answer is sent.
        self.since = monotonic()

    def __enter__(self) -> "Idle":
        self._greenlet = gevent.getcurrent()
        self._waiting[self._greenlet] = self
        return self

    def __exit__(self, _kind: type[BaseException] | None, value: BaseException | None, _trace: object) -> bool:
        self._waiting.pop(self._greenlet, None)
        return value is self

    def end(self, seen: float) -> None:
        """Let the wait be over now, if it is still the one that began at `seen`. Called in the hub, as a timer is."""
        if self._waiting.get(self._greenlet) is self and self.since == seen:
            self._greenlet.throw(self)


class ListenerName:
    """What a connection needs of its listener, which may be closed before the connection is looked at."""

    def __init__(self, name: Any) -> None:
        self._name = name

    def getsockname(self) -> Any:
        """The listener's address."""
        return self._name


class GeventWorker(Equipped, PlainGeventWorker):  # type: ignore[misc]
    """A pool of connections for each listener, so that probes never wait for the public port's.

    Probes are answered until the process ends.
    """

    def patch(self) -> None:
        """Patch what the master left, and let psycopg2 wait without stopping the others."""
        patch_gunicorn_worker()
        make_psycopg2_cooperative()
        self.sockets = [socket.socket(one.FAMILY, socket.SOCK_STREAM, fileno=one.sock.detach()) for one in self.sockets]

    def timeout_ctx(self) -> Idle:
        """The time that a connection may stay idle."""
        return Idle(self.waiting)

    def handle_request(self, *args: Any) -> None:
        """Answer one request, then let others run: the next one may be in the buffer already."""
        self.answer(*args)
        gevent.sleep(0)

    def answer(self, *args: Any) -> None:
        """Answer one request."""
        try:
            super().handle_request(*args)
        finally:
            if not self.alive:
                self._stopping.set()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Stop at once instead of at the next look at `alive`."""
        super().handle_exit(sig, frame)
        self._stopping.set()

    def init_signals(self) -> None:
        """Signals may come from here on: have what they touch ready."""
        self._stopping = Event()
        self.waiting: dict[Any, Idle] = {}
        self._idle: set[tuple[Idle, float]] = set()
        super().init_signals()

    def run(self) -> None:
        """Accept until told to stop, then finish what was accepted within `graceful_timeout`."""
        probes = [self._listen(listener) for listener in self.take_internal()]
        servers = [self._listen(listener) for listener in self.sockets]
        while self.alive:
            self.notify()
            self._end_stale()
            self._stopping.wait(1.0)
        self._finish(servers, self.cfg.graceful_timeout, linger=LINGER)
        self._finish(probes, PROBE_SECONDS, linger=0)

    def _finish(self, servers: list[StreamServer], seconds: float, linger: float) -> None:
        """Accept no more, and let what was accepted end within `seconds`; idle ones stay for `linger` of them."""
        begun = monotonic()
        pools = [server.pool for server in servers if server.pool is not None]
        for server in servers:
            _stop_accepting(server)
        while any(pools) and monotonic() - begun < seconds:
            self.notify()
            self._end_stale()
            if monotonic() - begun >= linger:
                self._end_idle()
            gevent.sleep(0.05)
        for pool in pools:
            pool.kill(timeout=1)

    def _listen(self, listener: Any) -> StreamServer:
        listener.setblocking(1)
        ssl_args = {"ssl_context": ssl_context(self.cfg)} if self.cfg.is_ssl else {}
        handle = partial(self.handle, ListenerName(listener.getsockname()))
        server = StreamServer(listener, handle=handle, spawn=Pool(self.worker_connections), **ssl_args)
        if self.cfg.workers > 1:
            server.max_accept = 1
        server.start()
        return server

    def _end_stale(self) -> None:
        """End what has been idle for too long."""
        latest = monotonic() - self.cfg.keepalive
        for connection in [one for one in self.waiting.values() if one.since < latest]:
            gevent.get_hub().loop.run_callback(connection.end, connection.since)

    def _end_idle(self) -> None:
        """End what was idle at the last look too: a request that had arrived by then has been read since."""
        idle = {(one, one.since) for one in self.waiting.values() if one.since != BUSY}
        for connection, since in idle & self._idle:
            gevent.get_hub().loop.run_callback(connection.end, since)
        self._idle = idle


def _stop_accepting(server: StreamServer) -> None:
    """Close the listener; while the whole instance drains, answer first what the kernel holds for it."""
    server.stop_accepting()
    if board.current.draining:
        while accepted := server.do_read():
            server.do_handle(*accepted)
    server.close()

"""The gthread gunicorn worker: a thread in reserve for probes, and nothing accepted is dropped."""

import selectors
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gunicorn.workers.gthread import ThreadWorker as PlainThreadWorker

from flask_scale import board
from flask_scale.server.equipment import Equipped


class ThreadWorker(Equipped, PlainThreadWorker):  # type: ignore[misc]
    """gunicorn's own, with what the internal port needs. Choose it for apps that use the CPU.

    `worker_connections` bounds the public port alone: the internal one is accepted until the end.
    """

    def run(self) -> None:
        """Give the internal port a thread of its own, then serve until told to stop."""
        self._reserve = ThreadPoolExecutor(max_workers=1)
        for listener in self.take_internal():
            listener.setblocking(False)
            self.poller.register(listener, selectors.EVENT_READ, self.accept)
        super().run()

    def enqueue_req(self, conn: Any) -> None:
        """Hand a connection to the threads of its listener."""
        if self.internal is None or not self.internal.is_named(conn.server):
            super().enqueue_req(conn)
            return
        done = self._reserve.submit(self.handle, conn)
        done.add_done_callback(lambda future: self.method_queue.defer(self.finish_request, conn, future))

    def set_accept_enabled(self, enabled: bool) -> None:
        """Take over what the kernel holds before the listeners go, while the whole instance drains."""
        super().set_accept_enabled(enabled)
        if not self.alive and board.current.draining:
            for listener in self.sockets:
                self._accept_all(listener)
                listener.close()

    def _accept_all(self, listener: Any) -> None:
        before = -1
        while before < self.nr_conns:
            before = self.nr_conns
            self.accept(listener)

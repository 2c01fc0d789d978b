"""The sync gunicorn worker: one request at a time, probes beside it, nothing accepted is dropped."""

import select
import threading
from time import monotonic
from typing import Any

from gunicorn.workers.sync import SyncWorker as PlainSyncWorker

from flask_scale import board
from flask_scale.server.equipment import PROBE_SECONDS, Equipped


class SyncWorker(Equipped, PlainSyncWorker):  # type: ignore[misc]
    """gunicorn's own, with a thread for the internal port. Choose it for apps that are not thread-safe."""

    def run(self) -> None:
        """Serve until told to stop, then answer what the kernel still holds, and the probe in flight."""
        probing = threading.Lock()
        for listener in self.take_internal():
            threading.Thread(target=self._serve, args=(listener, probing), daemon=True).start()
        self.wait_fds = [*self.sockets, self.PIPE[0]]
        super().run()
        if board.current.draining:
            self._accept_rest(monotonic() + self.cfg.graceful_timeout)
        probing.acquire(timeout=PROBE_SECONDS)  # for good: no probe is accepted any more

    def _serve(self, listener: Any, probing: threading.Lock) -> None:
        listener.setblocking(0)
        while True:
            select.select([listener], [], [])
            try:
                with probing:
                    self.accept(listener)
            except BlockingIOError:
                continue

    def _accept_rest(self, deadline: float) -> None:
        for listener in self.sockets:
            try:
                while monotonic() < deadline:
                    self.notify()
                    self.accept(listener)
            except BlockingIOError:
                continue

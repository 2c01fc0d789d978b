"""What gunicorn calls in its master and its workers: slots, the board, metrics files, the drain."""

from typing import Any

from flask_scale import board
from flask_scale.metrics import multiprocess
from flask_scale.server import memory
from flask_scale.server.arbiter import DrainingArbiter, obey
from flask_scale.server.failure import StartFailure
from flask_scale.server.slots import Slots
from flask_scale.settings import Settings

#: gunicorn workers beyond twice the setting (a reload runs old and new ones) that SIGTTIN may add.
SPARE_SLOTS = 32


class Hooks:
    """One a master. Its methods are gunicorn's server hooks, under gunicorn's names."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._folder: str | None = None
        self._count = 2 * settings.workers + SPARE_SLOTS
        self._slots = Slots(self._count)

    def on_starting(self, server: Any) -> None:
        """Prepare what the gunicorn workers share with the master."""
        server.__class__ = DrainingArbiter
        server.drain_seconds = self.settings.drain_seconds
        server.failure = StartFailure()
        board.use(board.Board(self._count))
        self._folder = multiprocess.enable()

    def when_ready(self, server: Any) -> None:
        """Hand on what the gunicorn workers inherit."""
        server.app.failure = server.failure
        memory.share()

    def pre_fork(self, _server: Any, worker: Any) -> None:
        """Give the process to come its slot."""
        worker.slot = self._slots.take()

    def post_fork(self, _server: Any, worker: Any) -> None:
        """Take signals, and write to the slot's row and files, from now on."""
        obey()
        board.current.attach(worker.slot)
        multiprocess.attach(worker.slot)

    def pre_request(self, _worker: Any, request: Any) -> None:
        """While draining, let each answer end its connection."""
        if board.current.draining:
            request.force_close()

    def child_exit(self, _server: Any, worker: Any) -> None:
        """Clear what the ended process showed, and free its slot."""
        board.current.clear(worker.slot)
        multiprocess.release(worker.slot)
        self._slots.release(worker.slot)

    def on_exit(self, _server: Any) -> None:
        """Delete the metrics files."""
        if self._folder is not None:
            multiprocess.remove(self._folder)

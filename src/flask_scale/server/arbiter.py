"""gunicorn's master, with a drain before it stops accepting, and one line for a start that failed."""

import signal
import sys
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer

from flask_scale import board
from flask_scale.server.failure import StartFailure

#: What asks a gunicorn worker to end.
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)

#: Exit code of a start that a wrong setting or app ended.
WRONG_START = 2


class DrainingArbiter(Arbiter):  # type: ignore[misc]
    """Turned to by `on_starting`, so that it is the same under `gunicorn -c` and `flask-scale serve`."""

    drain_seconds: float
    failure: StartFailure
    ending = False

    def handle_term(self) -> None:
        """Begin the drain at the first SIGTERM; stop accepting at its end, or at the second."""
        if board.current.draining:
            raise StopIteration
        board.current.drain()
        if not self.drain_seconds:
            raise StopIteration
        self.log.info("Draining: readiness fails, accepting for another %s s", self.drain_seconds)
        signal.signal(signal.SIGALRM, lambda *_: self.SIG_QUEUE.put_nowait(signal.SIGTERM))
        signal.setitimer(signal.ITIMER_REAL, self.drain_seconds)

    def halt(self, reason: Any = None, exit_status: int = 0) -> None:
        """End the master: with the one line that a gunicorn worker told, where the app is wrong."""
        self.ending = True
        if not (exit_status and self.failure.line):
            super().halt(reason, exit_status)
        self.stop(graceful=False)
        self.cfg.on_exit(self)
        print(f"flask-scale: {self.failure.line}", file=sys.stderr, flush=True)  # noqa: T201
        sys.exit(WRONG_START)

    def spawn_worker(self) -> Any:
        """Fork a gunicorn worker that cannot miss a signal: `obey` lets in what came meanwhile.

        Until it sets handlers of its own, a fork has the master's, which would swallow a SIGTERM
        and let the end wait for the whole `graceful_timeout`.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        try:
            return super().spawn_worker()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)

    def reap_workers(self) -> None:
        """Look after children that ended; once the master ends, one more that failed to start ends nothing."""
        try:
            super().reap_workers()
        except HaltServer:
            if not self.ending:
                raise
            self.reap_workers()


def obey() -> None:
    """In a process that was just forked: end at a signal until it has handlers of its own."""
    for number in ENDING:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)

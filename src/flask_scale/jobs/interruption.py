"""Stopping a handler that does not look: an exception raised in its thread, from the heartbeat's.

It works where the handler runs in the process's main thread, as in Celery's prefork and solo pools. In the
threads pool a handler stops only where it looks: at `progress`, `transaction`, `save` and `cancelled`.
A handler that is inside one long C call (a query, a compression) stops when that call returns.
"""

import signal
import threading
from types import FrameType

from flask_scale.errors import JobError

#: What the heartbeat sends to its own process. Nothing else in a pool's process uses it.
SIGNAL = signal.SIGUSR2


class Interruption:
    """A span of the main thread that `interrupt` can end with an exception."""

    def __init__(self) -> None:
        self._possible = threading.current_thread() is threading.main_thread()
        self._active = False
        self._error: JobError | None = None

    def __enter__(self) -> "Interruption":
        if self._possible:
            # It stays after the span, for a signal that comes late: it then does nothing.
            signal.signal(SIGNAL, self._raise)
            self._active = True
        return self

    def __exit__(self, *_exception: object) -> None:
        self._active = False

    def interrupt(self, error: JobError) -> None:
        """Raise `error` in the span, if it is still open and can be interrupted. Call it from another thread."""
        if self._active:
            self._error = error
            signal.pthread_kill(threading.main_thread().ident or 0, SIGNAL)

    def _raise(self, _number: int, _frame: FrameType | None) -> None:
        if self._active and self._error is not None:
            error, self._error = self._error, None
            raise error

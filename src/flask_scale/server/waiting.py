"""How psycopg2 waits in gevent's loop: a watcher for all waits of a connection, one timer for everybody's.

gevent's own `wait_read` makes a watcher, a timer and an exception each time: a third of what a small query costs
its client.
"""

from time import monotonic
from typing import Any, NamedTuple

import gevent
from gevent.socket import wait_read, wait_write
from psycopg2 import OperationalError
from psycopg2.extensions import POLL_OK, POLL_READ, POLL_WRITE, STATUS_SETUP, parse_dsn

from flask_scale.silence import Connection

#: Seconds between two looks at who has waited for too long.
LOOK_SECONDS = 0.5

#: libev's word for it.
READ = 1


def wait(connection: Any) -> None:
    """psycopg2's wait callback.

    Raises:
        OperationalError: the server was silent for as long as the connection allows.
    """
    if connection.status == STATUS_SETUP:  # the first poll makes it something else
        _wait_for_all_else(connection, connection.poll(), _connect_seconds(connection.dsn), "timeout expired")
        return
    state = connection.poll()
    if state == POLL_READ and isinstance(connection, Connection):
        line = _line_of(connection)
        while state == POLL_READ:
            line.wait(connection.longest_silence)
            state = connection.poll()
    if state != POLL_OK:
        seconds = getattr(connection, "longest_silence", None)
        _wait_for_all_else(connection, state, seconds, _silent_for(seconds))


class Limit(NamedTuple):
    """Until when somebody waits, by `monotonic`, and for how many seconds in all."""

    until: float
    seconds: float


class Looks:
    """Ends the waits in one hub that take too long."""

    def __init__(self, hub: Any) -> None:
        self.waiting: dict[Any, Limit] = {}
        # It keeps no loop alive that has nothing else to do.
        self._timer = hub.loop.timer(LOOK_SECONDS, repeat=LOOK_SECONDS, ref=False)
        self._timer.start(self._look)

    def _look(self) -> None:
        now = monotonic()
        for greenlet, limit in [one for one in self.waiting.items() if one[1].until < now]:
            if self.waiting.get(greenlet) is limit:  # the one before it may have let it run
                greenlet.throw(OperationalError(_silent_for(limit.seconds)))


class Line:
    """An open connection's place in the loop of one hub."""

    def __init__(self, hub: Any, descriptor: int) -> None:
        self.hub = hub
        self._watcher = hub.loop.io(descriptor, READ)
        self._waiting = _looks_of(hub).waiting

    def wait(self, seconds: float | None) -> None:
        """Let others run until there is something to read; None is no limit."""
        if seconds is None:
            self.hub.wait(self._watcher)
            return
        greenlet = gevent.getcurrent()
        around = self._waiting.get(greenlet)  # The collector may end a connection, with a wait, within any other.
        self._waiting[greenlet] = Limit(monotonic() + seconds, seconds)
        try:
            self.hub.wait(self._watcher)
        finally:
            if around is None:
                self._waiting.pop(greenlet, None)
            else:
                self._waiting[greenlet] = around


def _line_of(connection: Connection) -> Line:
    hub = gevent.get_hub()
    line: Line | None = connection.line
    if line is None or line.hub is not hub:
        line = connection.line = Line(hub, connection.fileno())
    return line


def _looks_of(hub: Any) -> Looks:
    looks: Looks | None = getattr(hub, "flask_scale_looks", None)
    if looks is None:
        looks = hub.flask_scale_looks = Looks(hub)
    return looks


def _wait_for_all_else(connection: Any, state: int, seconds: float | None, complaint: str) -> None:
    """For connections that are not ours, for connecting, and for sending what the kernel does not take at once."""
    expired = OperationalError(complaint)
    while state != POLL_OK:
        if state == POLL_READ:
            wait_read(connection.fileno(), timeout=seconds, timeout_exc=expired)
        elif state == POLL_WRITE:
            wait_write(connection.fileno(), timeout=seconds, timeout_exc=expired)
        else:
            raise OperationalError(f"unexpected state {state} of a database connection")
        state = connection.poll()


def _silent_for(seconds: float | None) -> str:
    return f"the database has been silent for {seconds} s"


def _connect_seconds(dsn: str) -> float | None:
    """libpq leaves `connect_timeout` to whoever polls; None where the connection names none."""
    return float(parse_dsn(dsn).get("connect_timeout", 0)) or None

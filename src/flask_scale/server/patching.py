"""gevent's monkey-patching, and a psycopg2 that lets other greenlets run while it waits."""

import select
import sys
from typing import Any


def patch_master() -> None:
    """Patch the process before the library is imported, for gevent gunicorn workers to inherit.

    The master forks and reaps children itself, so what concerns processes and signals, and the
    queue that its signal handlers write, stay plain until a gunicorn worker patches the rest.
    """
    from gevent import monkey

    monkey.patch_all(os=False, signal=False, queue=False)


def patch_gunicorn_worker() -> None:
    """Patch what the master left, in the fork; all of it where the master was not patched."""
    from gevent import monkey

    if not is_patched():
        monkey.patch_all()
        return
    # One by one: patch_all would go through everything again, a quarter of a second of each start.
    monkey.patch_os()
    monkey.patch_signal()
    monkey.patch_queue()


def make_psycopg2_cooperative() -> None:
    """Let psycopg2 wait in gevent's loop: otherwise one slow query stops every request of the process.

    Does nothing in a process that gevent has not patched, or that has a wait callback already. With
    it `COPY` raises, and a cancelled greenlet leaves its query running at the server: keep
    `statement_timeout_seconds` set.
    """
    from psycopg2.extensions import get_wait_callback, set_wait_callback

    if is_patched() and get_wait_callback() is None:
        set_wait_callback(_wait)


def has_input(descriptor: int) -> bool:
    """Whether something can be read from a socket now, or it has ended; never waits, and lets nobody else run."""
    poll = sys.modules["gevent.monkey"].get_original("select", "poll") if is_patched() else select.poll
    look = poll()
    look.register(descriptor, select.POLLIN)
    return bool(look.poll(0))


def is_patched() -> bool:
    """Whether gevent has patched this process; imports nothing of gevent where nobody has."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("socket"))


def _wait(connection: Any) -> None:
    from gevent.socket import wait_read, wait_write
    from psycopg2 import OperationalError
    from psycopg2.extensions import POLL_OK, POLL_READ, POLL_WRITE, STATUS_SETUP

    if connection.status == STATUS_SETUP:
        seconds, expired = _connect_seconds(connection.dsn), OperationalError("timeout expired")
    else:
        seconds = getattr(connection, "longest_silence", None)
        expired = OperationalError(f"the database has been silent for {seconds} s")
    while (state := connection.poll()) != POLL_OK:
        if state == POLL_READ:
            wait_read(connection.fileno(), timeout=seconds, timeout_exc=expired)
        elif state == POLL_WRITE:
            wait_write(connection.fileno(), timeout=seconds, timeout_exc=expired)
        else:
            raise OperationalError(f"unexpected state {state} of a database connection")


def _connect_seconds(dsn: str) -> float | None:
    """libpq leaves `connect_timeout` to whoever polls; None where the connection names none."""
    from psycopg2.extensions import parse_dsn

    return float(parse_dsn(dsn).get("connect_timeout", 0)) or None

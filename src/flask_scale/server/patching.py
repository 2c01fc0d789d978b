"""gevent's monkey-patching, and a psycopg2 that lets other greenlets run while it waits."""

import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module, metadata
from typing import Any


def patch_master() -> None:
    """Patch the process before the library is imported, for gevent gunicorn workers to inherit.

    The master forks and reaps children itself, so what concerns processes and signals, and the
    queue that its signal handlers write, stay plain until a gunicorn worker patches the rest.
    """
    from gevent import monkey

    with _plugins_read_once():
        monkey.patch_all(os=False, signal=False, queue=False)


def patch_gunicorn_worker() -> None:
    """Patch what the master left, in the fork; all of it where the master was not patched."""
    from gevent import monkey

    with _plugins_read_once():
        if not is_patched():
            monkey.patch_all()
            return
        # One by one: patch_all would go through everything again, a quarter of a second of each start.
        monkey.patch_os()
        monkey.patch_signal()
        monkey.patch_queue()


@contextmanager
def _plugins_read_once() -> Iterator[None]:
    """gevent asks for its plugins at each module that it patches, and each time all installed packages are read."""
    usual, found = metadata.entry_points, metadata.entry_points()
    metadata.entry_points = found.select
    try:
        yield
    finally:
        metadata.entry_points = usual


def make_psycopg2_cooperative() -> None:
    """Let psycopg2 wait in gevent's loop: otherwise one slow query stops every request of the process.

    Does nothing in a process that gevent has not patched, or that has a wait callback already. With
    it `COPY` raises, and a cancelled greenlet leaves its query running at the server: keep
    `statement_timeout_seconds` set.
    """
    from psycopg2.extensions import get_wait_callback, set_wait_callback

    if is_patched() and get_wait_callback() is None:
        from flask_scale.server.waiting import wait

        set_wait_callback(wait)


def has_input(descriptor: int) -> bool:
    """Whether something can be read from a socket now, or it has ended; never waits, and lets nobody else run."""
    look = unpatched("select", "poll")()
    look.register(descriptor, select.POLLIN)
    return bool(look.poll(0))


@cache
def unpatched(module: str, name: str) -> Any:
    """What the standard library itself has there: where nobody waits in it, gevent's costs ten times as much."""
    monkey = sys.modules.get("gevent.monkey")
    return getattr(import_module(module), name) if monkey is None else monkey.get_original(module, name)


def is_patched() -> bool:
    """Whether gevent has patched this process; imports nothing of gevent where nobody has."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("socket"))

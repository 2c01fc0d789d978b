"""The embedded servers that tests share, and databases of their own."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask_scale.dev.postgres import Postgres
from flask_scale.dev.process import Process, free_port
from flask_scale.dev.valkey import Valkey

_numbers = itertools.count(1)


@contextmanager
def running(server: Process) -> Iterator[Process]:
    """Start a server, and end it whatever happens."""
    try:
        server.start()
        yield server
    finally:
        server.stop()


def revive(server: Process) -> None:
    """Undo what a test did to a shared server: paused, stopped or killed."""
    server.resume()
    server.start()


@contextmanager
def fresh_database(server: Postgres, template: str = "template1") -> Iterator[str]:
    """The URL of a database that nobody used before, gone at the end."""
    revive(server)
    name = f"test_{next(_numbers)}"
    yield server.create_database(name, template=template)
    revive(server)
    server.drop_database(name)


@contextmanager
def flushed(server: Valkey) -> Iterator[str]:
    """The URL of an empty Valkey."""
    revive(server)
    with server.client() as client:
        client.flushall()
    yield server.url


def postgres(folder: Path) -> Postgres:
    return Postgres(folder / "postgres", free_port(), durable=False)


def cache(folder: Path) -> Valkey:
    return Valkey.cache(folder / "cache", free_port())


def broker(folder: Path) -> Valkey:
    return Valkey.broker(folder / "broker", free_port())

"""A server that hangs: its connections live, and nothing ever comes from them.

PostgreSQL itself ends a statement over `statement_timeout_seconds`. One that is silent for `GRACE_SECONDS` longer
ends nothing any more: the connection is cut off, and whoever waits gets `OperationalError`. Where gevent runs, that
is seen to by the wait callback (`server/waiting.py`); elsewhere a thread looks every `LOOK_SECONDS`.

Nothing limits a transaction that sets a `statement_timeout` of its own, nor COPY, whose pace is the client's.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from psycopg2 import Error, extensions

logger = logging.getLogger(__name__)

#: How much longer than a statement may take its server may be silent, in seconds: an error takes its way too.
GRACE_SECONDS = 5.0

#: Seconds between two looks of the thread.
LOOK_SECONDS = 0.5

_UNLIMITED = nullcontext()


def longest_silence(statement_timeout_seconds: float) -> float | None:
    """Seconds after which a server is given up; None, no limit, where its statements have none."""
    return statement_timeout_seconds + GRACE_SECONDS if statement_timeout_seconds else None


class Connection(extensions.connection):
    """A connection that gives its server up. Pass it to psycopg2 as `connection_factory`, with `longest_silence`."""

    def __init__(self, *arguments: Any, longest_silence: float | None, **options: Any) -> None:
        self._given = self.longest_silence = longest_silence
        #: Where it waits under gevent: `server/waiting.py` keeps it.
        self.line: Any = None
        super().__init__(*arguments, **options)
        self.cursor_factory = Cursor

    def forget_timeouts(self) -> None:
        """The transaction has ended, and with it the `statement_timeout` that it had set."""
        self.longest_silence = self._given

    def commit(self) -> None:
        with _watch.over(self):
            super().commit()

    def rollback(self) -> None:
        with _watch.over(self):
            super().rollback()


class Cursor(extensions.cursor):
    """A cursor whose statements are limited like their connection."""

    connection: Connection

    def execute(self, query: Any, vars: Any = None) -> None:
        if isinstance(query, str) and "statement_timeout" in query:
            self.connection.longest_silence = None
        with _watch.over(self.connection):
            super().execute(query, vars)

    def executemany(self, query: Any, vars_list: Any) -> None:
        with _watch.over(self.connection):
            super().executemany(query, vars_list)

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        with _watch.over(self.connection):
            return super().fetchmany(size)

    def fetchone(self) -> tuple[Any, ...] | None:
        with self._over_fetch():
            return super().fetchone()

    def fetchall(self) -> list[tuple[Any, ...]]:
        with self._over_fetch():
            return super().fetchall()

    def _over_fetch(self) -> AbstractContextManager[None]:
        """A named cursor's rows are the server's; any other has them all."""
        return _UNLIMITED if self.name is None else _watch.over(self.connection)


class Watch:
    """Who waits for a server in this process, and until when."""

    def __init__(self) -> None:
        self._forget()
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[Connection, float] = {}
        self._thread: threading.Thread | None = None

    def over(self, connection: Connection) -> AbstractContextManager[None]:
        """Around one call that waits for the server, where nobody else limits it."""
        if connection.longest_silence is None or extensions.get_wait_callback() is not None:
            return _UNLIMITED
        return self._limited(connection, connection.longest_silence)

    @contextmanager
    def _limited(self, connection: Connection, limit: float) -> Iterator[None]:
        try:
            with self._lock:
                self._until[connection] = time.monotonic() + limit
                if self._thread is None:
                    thread = threading.Thread(target=self._look, name="database silence", daemon=True)
                    thread.start()
                    self._thread = thread  # Only one that runs: else the next caller tries again.
            yield
        finally:
            with self._lock:
                self._until.pop(connection, None)

    def _look(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            now = time.monotonic()
            with self._lock:
                for connection in [one for one, until in self._until.items() if until < now]:
                    del self._until[connection]
                    _cut_off(connection)


def _cut_off(connection: Connection) -> None:
    """End the connection under the one who waits on it: libpq sees the server gone."""
    logger.warning("the database has been silent for %s s: its connection is cut off", connection.longest_silence)
    try:
        with socket.socket(fileno=os.dup(connection.fileno())) as twin:
            twin.shutdown(socket.SHUT_RDWR)
    except (OSError, Error):
        logger.debug("it had ended by then", exc_info=True)


_watch = Watch()

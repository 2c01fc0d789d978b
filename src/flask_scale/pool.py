"""The pool of database connections: SQLAlchemy's, whose overflow stays for as long as it is needed.

SQLAlchemy closes what is over `pool_size` as soon as it is given back. Where more requests than that are always in
flight, each of them would open a connection and close it, which costs more than its queries.

And none is opened where it would fail as the last ones did: else each request would wait out the time of a connect
while a server is away, and who waits for another's load that many times over.
"""

import logging
from time import monotonic
from typing import Any

from psycopg2 import OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from flask_scale import board
from flask_scale.breaker import Breaker

#: After so many seconds without need for more than `pool_size`, the others are closed.
LINGER_SECONDS = 10.0


class LingeringPool(QueuePool):
    """`pool_size` connections for good, `max_overflow` more while they are needed; the board shows who waits.

    What is no longer needed is closed as it, or another one, is given back. While none can be opened, one caller a
    second tries; the others have the driver's OperationalError at once.
    """

    def __init__(self, creator: Any, pool_size: int = 5, max_overflow: int = 10, **options: Any) -> None:
        super().__init__(creator, pool_size, max_overflow, **options)
        self._invoke_creator = _guarded(self._invoke_creator)
        self._pool = self._queue_class(pool_size + max_overflow, use_lifo=self._pool.use_lifo)
        self._size = pool_size
        self._needed_at = monotonic()
        self._waiting = 0

    def size(self) -> int:
        """The connections that stay for good."""
        return self._size

    def checkedout(self) -> int:
        """Those in use."""
        return self._size + self._overflow - self._pool.qsize()

    def recreate(self) -> "LingeringPool":
        """An empty pool like this one."""
        return self.__class__(
            self._creator,
            pool_size=self._size,
            max_overflow=self._max_overflow,
            pre_ping=self._pre_ping,
            use_lifo=self._pool.use_lifo,
            timeout=self._timeout,
            recycle=self._recycle,
            echo=self.echo,
            logging_name=self._orig_logging_name,
            reset_on_return=self._reset_on_return,
            _dispatch=self.dispatch,
            dialect=self._dialect,
        )

    def _wait(self, change: int) -> None:
        board.current.add("pool_waiting", change)
        with self._overflow_lock:
            self._waiting += change

    def _do_get(self) -> ConnectionPoolEntry:
        self._wait(1)
        try:
            found = super()._do_get()
        finally:
            self._wait(-1)
        if self.checkedout() > self._size:
            self._needed_at = monotonic()
        return found

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        is_needed = self._waiting > 0 or monotonic() - self._needed_at < LINGER_SECONDS
        if self._overflow <= 0 or is_needed:
            super()._do_return_conn(record)
            return
        try:
            record.close()
        finally:
            self._dec_overflow()


def _guarded(creator: Any) -> Any:
    """`creator`, behind a breaker."""
    breaker = Breaker()

    def connect(record: ConnectionPoolEntry) -> Any:
        if not breaker.allows():
            raise OperationalError("no connection could be opened a moment ago")
        try:
            connection = creator(record)
        except OperationalError:
            breaker.failed()
            raise
        breaker.succeeded()
        return connection

    return connect


# SQLAlchemy quiets its own pools only; ours logs under our name.
logging.getLogger(f"{__name__}.LingeringPool").setLevel(logging.WARNING)

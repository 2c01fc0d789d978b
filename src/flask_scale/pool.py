"""The pool of database connections: SQLAlchemy's, whose overflow stays for as long as it is needed.

SQLAlchemy closes what is over `pool_size` as soon as it is given back. Where more requests than that are always in
flight, each of them would open a connection and close it, which costs more than its queries.

And none is opened where it would fail as the last ones did: else each request would wait out the time of a connect
while a server is away, and who waits for another's load that many times over.
"""

import logging
import threading
from collections import deque
from time import monotonic
from typing import Any

from psycopg2 import OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool
from sqlalchemy.util.queue import Empty, Full, QueueCommon

from flask_scale import board
from flask_scale.breaker import Breaker

#: After so many seconds without need for more than `pool_size`, the others are closed.
LINGER_SECONDS = 10.0


class IdleConnections(QueueCommon[ConnectionPoolEntry]):
    """What a pool holds, first in, first out; a lock is only for those who wait, since gevent's are dear."""

    def __init__(self, maxsize: int = 0, use_lifo: bool = False) -> None:
        self.maxsize = maxsize
        self.use_lifo = use_lifo
        self._held: deque[ConnectionPoolEntry] = deque()
        self._arrived = threading.Condition()
        self._waiting = 0

    def qsize(self) -> int:
        """How many there are."""
        return len(self._held)

    def put(self, item: ConnectionPoolEntry, block: bool = True, timeout: float | None = None) -> None:
        """Hold one more.

        Raises:
            Full: there are `maxsize` already; it never waits.
        """
        if len(self._held) >= self.maxsize:
            raise Full
        self._held.append(item)
        # Who waits has said so before it looked for the last time.
        if self._waiting:
            with self._arrived:
                self._arrived.notify()

    def get(self, block: bool = True, timeout: float | None = None) -> ConnectionPoolEntry:
        """Take one.

        Raises:
            Empty: there is none, or none came within `timeout` seconds.
        """
        try:
            return self._take()
        except IndexError:
            if not block:
                raise Empty from None
        return self._wait_for_one(None if timeout is None else monotonic() + timeout)

    def _take(self) -> ConnectionPoolEntry:
        return self._held.pop() if self.use_lifo else self._held.popleft()

    def _wait_for_one(self, until: float | None) -> ConnectionPoolEntry:
        with self._arrived:
            self._waiting += 1
            try:
                while True:
                    try:
                        return self._take()
                    except IndexError:
                        seconds = None if until is None else until - monotonic()
                    if seconds is not None and seconds <= 0:
                        raise Empty
                    self._arrived.wait(seconds)
            finally:
                self._waiting -= 1


class LingeringPool(QueuePool):
    """`pool_size` connections for good, `max_overflow` more while they are needed; the board shows who waits.

    What is no longer needed is closed as it, or another one, is given back. While none can be opened, one caller a
    second tries; the others have the driver's OperationalError at once.
    """

    _queue_class = IdleConnections

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
        try:
            found = self._pool.get(False)
        except Empty:
            found = self._wait_for_one()
        if self.checkedout() > self._size:
            self._needed_at = monotonic()
        return found

    def _wait_for_one(self) -> ConnectionPoolEntry:
        self._wait(1)
        try:
            return super()._do_get()
        finally:
            self._wait(-1)

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

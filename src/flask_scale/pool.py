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
from flask_scale.openings import Openings
from flask_scale.server.patching import unpatched

#: After so many seconds without need for more than `pool_size`, the others are closed.
LINGER_SECONDS = 10.0


class Waiter:
    """Somebody who waits for a connection, and what is handed to them."""

    __slots__ = ("arrived", "given")

    def __init__(self) -> None:
        self.given: ConnectionPoolEntry | None = None
        self.arrived = threading.Lock()
        self.arrived.acquire()


class IdleConnections(QueueCommon[ConnectionPoolEntry]):
    """What a pool holds, first in, first out; what is put is handed to who has waited longest, past all others.

    SQLAlchemy's own wakes one up, who waits anew where another was faster; under gevent its locks cost more than that.
    """

    def __init__(self, maxsize: int = 0, use_lifo: bool = False) -> None:
        self.maxsize = maxsize
        self.use_lifo = use_lifo
        #: Empty while anybody waits.
        self._held: deque[ConnectionPoolEntry] = deque()
        self._waiters: deque[Waiter] = deque()
        # The thread's own, not gevent's, since nobody waits in it; entered anew where the collector gives one back.
        self._mutex: Any = unpatched("_thread", "RLock")()

    def qsize(self) -> int:
        """How many there are."""
        return len(self._held)

    def put(self, item: ConnectionPoolEntry, block: bool = True, timeout: float | None = None) -> None:
        """Hand one on, or hold it.

        Raises:
            Full: there are `maxsize` already; it never waits.
        """
        with self._mutex:
            if not self._waiters:
                if len(self._held) >= self.maxsize:
                    raise Full
                self._held.append(item)
                return
            waiter = self._waiters.popleft()
            waiter.given = item
        waiter.arrived.release()

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
        return self._wait_for_one(-1 if timeout is None else timeout)

    def _take(self) -> ConnectionPoolEntry:
        return self._held.pop() if self.use_lifo else self._held.popleft()

    def _wait_for_one(self, seconds: float) -> ConnectionPoolEntry:
        waiter = Waiter()
        with self._mutex:
            self._waiters.append(waiter)
            try:
                come = self._take()  # since the last look
            except IndexError:
                come = None
            if come is not None and self._leave(waiter):
                return come
            if come is not None:
                self.put(come)
        try:
            waiter.arrived.acquire(timeout=seconds)
        except BaseException:
            if not self._leave(waiter) and waiter.given is not None:
                self.put(waiter.given)
            raise
        if self._leave(waiter) or waiter.given is None:
            raise Empty
        return waiter.given

    def _leave(self, waiter: Waiter) -> bool:
        """Wait no more; False where one was handed over."""
        with self._mutex:
            if waiter.given is not None:
                return False
            self._waiters.remove(waiter)
            return True


class LingeringPool(QueuePool):
    """`pool_size` connections for good, `max_overflow` more while they are needed; the board shows who waits.

    What is no longer needed is closed as it, or another one, is given back. While none can be opened, a
    thread looks once a second, and then few are opened at once; all others have the driver's OperationalError at once.
    """

    _queue_class = IdleConnections

    def __init__(self, creator: Any, pool_size: int = 5, max_overflow: int = 10, **options: Any) -> None:
        super().__init__(creator, pool_size, max_overflow, **options)
        self._openings, self._invoke_creator = _guarded(self._invoke_creator)
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

    def dispose(self) -> None:
        """Close what is idle, and look no more for a server that is away."""
        self._openings.close()
        super().dispose()

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


def _guarded(creator: Any) -> tuple[Openings, Any]:
    """Who may, and `creator` for them."""
    openings = Openings(look=lambda: creator(None).close())

    def connect(record: ConnectionPoolEntry) -> Any:
        if not openings.admits():
            raise OperationalError("no connection could be opened a moment ago")
        try:
            connection = creator(record)
        except Exception:
            openings.ended(opened=False)
            raise
        except BaseException:
            openings.given_up()
            raise
        openings.ended(opened=True)
        return connection

    return openings, connect


# SQLAlchemy quiets its own pools only; ours logs under our name.
logging.getLogger(f"{__name__}.LingeringPool").setLevel(logging.WARNING)

"""The pool of PostgreSQL's connections: alive when they are lent, counted meanwhile, as new when they come back.

It does this itself, not by SQLAlchemy's events, which cost as much as the rest of a loan.
"""

import time
from typing import Any

from psycopg2 import Error
from psycopg2.extensions import TRANSACTION_STATUS_IDLE
from sqlalchemy.pool import ConnectionPoolEntry

from flask_scale import board
from flask_scale.pool import LingeringPool
from flask_scale.server.patching import has_input

#: A connection that was used within so many seconds and has nothing to read is alive.
SURE_SECONDS = 30.0

#: In a pooled connection's `info`: when it was last given back.
USED_AT = "flask_scale_used_at"


class Lent:
    """A connection without SQLAlchemy's proxy around it. Nobody gives it back but who closes it."""

    __slots__ = ("_pool", "_record", "dbapi_connection")

    def __init__(self, pool: "PostgresPool", record: Any) -> None:
        self._pool = pool
        self._record = record
        self.dbapi_connection: Any = record.get_connection()

    @property
    def info(self) -> dict[Any, Any]:
        """What is known of the connection, for as long as it lives."""
        found: dict[Any, Any] = self._record.info
        return found

    def invalidate(self, error: BaseException) -> None:
        """Let it end, as nobody knows what it is in the middle of."""
        self._record.invalidate(error)

    def lose(self, error: BaseException) -> None:
        """Its server is gone: let it end, and all that were opened before now."""
        self._pool.renew()
        self._record.invalidate(error)

    def close(self) -> None:
        """Give it back."""
        self._record.checkin(_fairy_was_created=False)


class PostgresPool(LingeringPool):
    """For connections of `silence.Connection`."""

    def lend(self) -> Lent:
        """Lend one past SQLAlchemy's proxy, which costs as much as all else about it.

        Raises:
            sqlalchemy.exc.TimeoutError: all were in use for too long.
            psycopg2.Error: none could be opened.
        """
        record: Any = self._do_get()
        try:
            return Lent(self, record)
        except BaseException as error:
            record._checkin_failed(error, _fairy_was_created=False)
            raise

    def renew(self) -> None:
        """Let no connection be used again that is open now."""
        self._invalidate_time = time.time()

    def _do_get(self) -> ConnectionPoolEntry:
        record = super()._do_get()
        known = record.record_info
        if known is None or known.get("counted"):
            return record  # SQLAlchemy's own has asked this method again
        known["counted"] = True
        board.current.add("pool_in_use", 1)
        try:
            self._make_sure(record)
        except BaseException as error:
            record.invalidate(error)
            self._do_return_conn(record)
            raise
        return record

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        if record.record_info and record.record_info.pop("counted", False):
            board.current.add("pool_in_use", -1)
        _make_as_new(record)
        super()._do_return_conn(record)

    def _make_sure(self, record: ConnectionPoolEntry) -> None:
        """SQLAlchemy's pre-ping, but without a round trip for a connection that is surely alive.

        One whose server has gone has something to read, its end; one that was idle for long may be cut off in silence.
        """
        connection: Any = record.dbapi_connection
        used_at = record.info.get(USED_AT)
        if connection is None or used_at is None:
            return
        dialect: Any = self._dialect
        try:
            if time.monotonic() - used_at > SURE_SECONDS or has_input(connection.fileno()):
                dialect.do_ping(connection)
        except Error:
            self.renew()


def _make_as_new(record: ConnectionPoolEntry) -> None:
    connection: Any = record.dbapi_connection
    if connection is None:
        return
    record.info[USED_AT] = time.monotonic()
    connection.forget_timeouts()
    if not connection.autocommit:
        return
    if connection.info.transaction_status != TRANSACTION_STATUS_IDLE:
        record.invalidate()  # somebody sent a BEGIN of their own
        return
    connection.autocommit = False

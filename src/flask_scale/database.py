"""PostgreSQL through SQLAlchemy and psycopg2: one engine a process, one session a request.

Failure policy: fail closed, and soon. A connection that cannot be had within `pool_timeout_seconds`
raises `sqlalchemy.exc.TimeoutError`; while none can be opened, one caller a second tries, and the others
have `sqlalchemy.exc.OperationalError` at once. A statement over `statement_timeout_seconds` is ended by
the server. In a process that gevent has patched, a query lets other requests run.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from time import monotonic
from typing import Any

from flask import Flask, g
from psycopg2.extensions import TRANSACTION_STATUS_IDLE
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from flask_scale import board
from flask_scale.errors import NotConfigured
from flask_scale.pool import LingeringPool
from flask_scale.read import Prepared, Read
from flask_scale.server.patching import has_input, make_psycopg2_cooperative
from flask_scale.settings import Settings
from flask_scale.silence import Connection as DriverConnection
from flask_scale.silence import longest_silence
from flask_scale.state import State

#: A connection that was used within so many seconds and has nothing to read is alive.
SURE_SECONDS = 30.0

#: Where the active app context keeps its sessions.
SESSION, READ_SESSION = "flask_scale_session", "flask_scale_read_session"

#: In a pooled connection's `info`: when it was last given back.
USED_AT = "flask_scale_used_at"


def normalise_url(url: str) -> URL:
    """Name the psycopg2 driver: SQLAlchemy 2.1 reads a bare `postgresql://` as psycopg 3."""
    return make_url(url).set(drivername="postgresql+psycopg2")


class Database:
    """The engine and its sessions. Connects at first use, not when built."""

    def __init__(self, settings: Settings) -> None:
        if settings.database_url is None:
            raise NotConfigured("no database: set FLASK_SCALE_DATABASE_URL=postgresql://user:password@host/name")
        self.engine = _create_engine(settings, settings.database_url)
        #: The same pool; each statement is a transaction of its own. SQLAlchemy's isolation_level does this too, at
        #: a tenth of a small request's cost.
        self._autocommitting = self.engine.execution_options()
        event.listen(self._autocommitting, "engine_connect", _autocommit)
        #: What `read.py` keeps of its statements.
        self.prepared: dict[Read, Prepared] = {}

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session of its own that commits at the end, or rolls back on an exception."""
        with _open(self.engine) as session, session.begin():
            yield session

    @contextmanager
    def statement(self) -> Iterator[Session]:
        """A session for one statement, which is a transaction of its own: one round trip, not three."""
        with _open(self._autocommitting) as session, session.begin():
            yield session

    @property
    def read_session(self) -> Session:
        """A session of the active app context for reads that need no transaction: each statement is one round trip.

        What is written through it is committed statement by statement. Server-side cursors (`yield_per`) need a
        transaction: use `session`.
        """
        return _session_of_context(READ_SESSION, self._autocommitting)

    @property
    def session(self) -> Session:
        """The session of the active app context; closed, and rolled back if open, at its end."""
        return _session_of_context(SESSION, self.engine)

    def fetch(self, sql: str, parameters: Mapping[str, Any]) -> tuple[list[tuple[Any, ...]], tuple[int, ...]]:
        """The rows of a statement in the driver's form, a transaction of its own, and their columns' type codes.

        SQLAlchemy's own way is taken where somebody listens to its statements, a tracer or its log.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: as from a session.
        """
        if self._is_listened_to():
            with self._autocommitting.connect() as connection:
                result = connection.exec_driver_sql(sql, parameters)
                assert result.cursor is not None
                codes = _codes(result.cursor)
                return [tuple(row) for row in result], codes
        lent = self._lend()
        driver: Any = lent.dbapi_connection
        try:
            driver.autocommit = True
            with driver.cursor() as cursor:
                cursor.execute(sql, parameters)
                return cursor.fetchall(), _codes(cursor)
        except self._driver.Error as error:
            is_lost = self.engine.dialect.is_disconnect(error, driver, None)
            if is_lost:
                self.engine.pool._invalidate(lent, error)  # and others as old, as SQLAlchemy does
            raise self._told(error, sql, is_lost=is_lost) from error
        except BaseException as error:
            lent.invalidate(error)  # it may be in the middle of an answer
            raise
        finally:
            lent.close()

    def _lend(self) -> PoolProxiedConnection:
        try:
            return self.engine.raw_connection()
        except self._driver.Error as error:
            raise self._told(error, None, is_lost=False) from error

    @property
    def _driver(self) -> Any:
        return self.engine.dialect.loaded_dbapi

    def _told(self, error: Exception, sql: str | None, *, is_lost: bool) -> BaseException:
        """The driver's error as SQLAlchemy tells it."""
        return DBAPIError.instance(
            sql, None, error, self._driver.Error, connection_invalidated=is_lost, dialect=self.engine.dialect
        )

    def _is_listened_to(self) -> bool:
        engine = self.engine
        return bool(engine._has_events or engine.dialect._has_events or engine._should_log_info())

    def after_fork(self) -> None:
        """Forget connections inherited from the parent without closing the parent's sockets."""
        self.engine.dispose(close=False)

    def close(self) -> None:
        """Close every idle connection."""
        self.engine.dispose()


def _codes(cursor: Any) -> tuple[int, ...]:
    return tuple([column[1] for column in cursor.description])


def init_app(app: Flask, state: State) -> None:
    """Build the engine where `database_url` is set."""
    if state.settings.database_url is None:
        state.parts["database"] = "off: FLASK_SCALE_DATABASE_URL is not set"
        return
    make_psycopg2_cooperative()
    state.database = Database(state.settings)
    state.parts["database"] = "on"
    app.teardown_appcontext(_close_session)


def _open(engine: Engine) -> Session:
    return Session(engine, expire_on_commit=False)


def _session_of_context(name: str, engine: Engine) -> Session:
    if name not in g:
        setattr(g, name, _open(engine))
    session: Session = getattr(g, name)
    return session


def _close_session(_error: BaseException | None) -> None:
    opened: list[Session] = [g.pop(name) for name in (SESSION, READ_SESSION) if name in g]
    if not opened:
        return
    with ExitStack() as sessions:
        for session in opened:
            sessions.callback(session.close)


def _create_engine(settings: Settings, url: str) -> Engine:
    server_settings = {
        "statement_timeout": int(settings.statement_timeout_seconds * 1000),
        "idle_in_transaction_session_timeout": 60_000,
    }
    connect_args: dict[str, Any] = {
        "connect_timeout": settings.connect_timeout_seconds,
        "application_name": "flask-scale",
        "options": " ".join(f"-c {name}={value}" for name, value in server_settings.items()),
        "keepalives_idle": 30,
        "connection_factory": partial(
            DriverConnection, longest_silence=longest_silence(settings.statement_timeout_seconds)
        ),
    }
    engine = create_engine(
        normalise_url(url),
        poolclass=LingeringPool,
        pool_size=settings.pool_size,
        max_overflow=settings.max_overflow,
        pool_recycle=settings.pool_recycle_seconds,
        pool_timeout=settings.pool_timeout_seconds,
        hide_parameters=True,
        connect_args=connect_args,
    )
    event.listen(engine, "checkout", _pinging(engine))
    event.listen(engine, "checkout", _count_checkout)
    event.listen(engine, "checkin", _count_checkin)
    return engine


def _pinging(engine: Engine) -> Callable[..., None]:
    """SQLAlchemy's pre-ping, but without a round trip for a connection that is surely alive.

    One whose server has gone has something to read, its end; one that was idle for long may be cut off in silence.
    """

    def ping(connection: Any, record: ConnectionPoolEntry, _fairy: Any) -> None:
        used_at = record.info.get(USED_AT)
        try:
            if used_at is None or (monotonic() - used_at < SURE_SECONDS and not has_input(connection.fileno())):
                return
            engine.dialect.do_ping(connection)
        except connection.Error as error:
            raise InvalidatePoolError from error

    return ping


def _count_checkout(_connection: Any, record: ConnectionPoolEntry, *_: Any) -> None:
    assert record.record_info is not None
    record.record_info["counted"] = True
    board.current.add("pool_in_use", 1)


def _autocommit(connection: Connection) -> None:
    driver: Any = connection.connection.dbapi_connection
    driver.autocommit = True


def _count_checkin(connection: Any, record: ConnectionPoolEntry) -> None:
    # A connection that could not be made is checked in without ever having been out.
    if record.record_info and record.record_info.pop("counted", False):
        board.current.add("pool_in_use", -1)
    record.info[USED_AT] = monotonic()
    if connection is None:
        return
    connection.forget_timeouts()
    if not connection.autocommit:
        return
    if connection.info.transaction_status != TRANSACTION_STATUS_IDLE:
        record.invalidate()  # somebody sent a BEGIN of their own
        return
    connection.autocommit = False

"""PostgreSQL through SQLAlchemy and psycopg2: one engine a process, one session a request.

Failure policy: fail closed, and soon. A connection that cannot be had within `pool_timeout_seconds`
raises `sqlalchemy.exc.TimeoutError`; while none can be opened, callers have `sqlalchemy.exc.OperationalError`
at once, and a thread looks once a second whether one can. A statement over `statement_timeout_seconds` is ended by
the server. In a process that gevent has patched, a query lets other requests run.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from flask import Flask, g
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from flask_scale.errors import NotConfigured
from flask_scale.postgres_pool import Lent, PostgresPool
from flask_scale.prepared import PreparedStatement
from flask_scale.read import Compiled, Read
from flask_scale.server.patching import make_psycopg2_cooperative
from flask_scale.settings import Settings
from flask_scale.silence import Connection as DriverConnection
from flask_scale.silence import longest_silence
from flask_scale.state import State

logger = logging.getLogger(__name__)

#: Where the active app context keeps its sessions.
SESSION, READ_SESSION = "flask_scale_session", "flask_scale_read_session"


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
        self.compiled_reads: WeakKeyDictionary[Read, Compiled] = WeakKeyDictionary()

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

    def fetch(
        self, statement: str | PreparedStatement, parameters: Mapping[str, Any]
    ) -> tuple[list[tuple[Any, ...]], Sequence[Any]]:
        """The rows of a statement in the driver's form, a transaction of its own, and what it tells of their columns.

        SQLAlchemy's own way is taken where somebody listens to its statements, a tracer or its log.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: as from a session.
        """
        sql = statement if isinstance(statement, str) else statement.plain
        if self._is_listened_to():
            with self._autocommitting.connect() as connection:
                result = connection.exec_driver_sql(sql, parameters)
                assert result.cursor is not None
                columns: Sequence[Any] = result.cursor.description
                return [tuple(row) for row in result], columns
        lent = self._lend()
        driver: Any = lent.dbapi_connection
        try:
            driver.autocommit = True
            with driver.cursor() as cursor:
                if isinstance(statement, str):
                    cursor.execute(sql, parameters)
                else:
                    statement.execute(cursor, lent.info, parameters)
                return cursor.fetchall(), cursor.description
        except self._driver.Error as error:
            is_lost = self.engine.dialect.is_disconnect(error, driver, None)
            if is_lost:
                lent.lose(error)
            raise self._told(error, sql, is_lost=is_lost) from error
        except BaseException as error:
            lent.invalidate(error)  # it may be in the middle of an answer
            raise
        finally:
            lent.close()

    def _lend(self) -> Lent:
        pool = self.engine.pool
        assert isinstance(pool, PostgresPool)
        try:
            return pool.lend()
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
        engine, pool = self.engine, self.engine.pool.dispatch
        return bool(
            engine._has_events or engine.dialect._has_events or engine._should_log_info() or pool.checkout or pool.reset
        )

    def after_fork(self) -> None:
        """Forget connections inherited from the parent without closing the parent's sockets."""
        self.engine.dispose(close=False)

    def close(self) -> None:
        """Close every idle connection."""
        self.engine.dispose()


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
    with ExitStack() as sessions:
        for name in (SESSION, READ_SESSION):
            if name in g:
                sessions.callback(_close, g.pop(name))


def _close(session: Session) -> None:
    """Roll back what is open. A server that is gone has done so itself: no reason to fail an answer that is made."""
    try:
        session.close()
    except DBAPIError as error:
        logger.warning("a session's connection ended before it was closed: %s", error)
        session.invalidate()


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
    return create_engine(
        normalise_url(url),
        poolclass=PostgresPool,
        pool_size=settings.pool_size,
        max_overflow=settings.max_overflow,
        pool_recycle=settings.pool_recycle_seconds,
        pool_timeout=settings.pool_timeout_seconds,
        hide_parameters=True,
        connect_args=connect_args,
    )


def _autocommit(connection: Connection) -> None:
    driver: Any = connection.connection.dbapi_connection
    driver.autocommit = True

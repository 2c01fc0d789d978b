"""Bringing a database to the newest schema: the library's tables, then the app's own.

Two Alembic folders, each with a version table of its own. One process migrates at a time, under an advisory
lock; a revision that cannot have its table lock within `LOCK_TIMEOUT_SECONDS` gives way to the queries that
queue up behind it, and is tried again.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from alembic import command, context
from alembic.config import Config
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, MetaData, NullPool, create_engine, text
from sqlalchemy.exc import OperationalError

from flask_scale.database import normalise_url
from flask_scale.errors import NotConfigured, SettingsError
from flask_scale.revisions import APP_VERSION_TABLE, APPLICATION_NAME, LIBRARY_VERSION_TABLE, Folder, folders
from flask_scale.settings import Settings, load_settings

#: The tables of the library, which an app's autogenerate leaves alone.
LIBRARY_TABLES = frozenset(
    {"jobs", "job_events", "job_schedules", "job_workers", "idempotency_keys", LIBRARY_VERSION_TABLE}
)

LOCK_TIMEOUT_SECONDS = 5
LOCK_ATTEMPTS = 12

#: Longest wait for a database that is still starting, and for another process that migrates.
START_SECONDS = 60.0
TURN_SECONDS = 900.0

#: The advisory lock of whoever migrates: "flaskscl" as a number.
LOCK_KEY = int.from_bytes(b"flaskscl", "big", signed=True)

#: What a connection refusal says when waiting is of no use.
HOPELESS = ("authentication failed", "does not exist", "no pg_hba.conf entry", "could not translate host name")

Echo = Callable[[str], None]


def upgrade(settings: Settings, echo: Echo = lambda _line: None) -> None:
    """Apply every pending revision; `echo` gets a line for each.

    Raises:
        NotConfigured: no database_url.
        SettingsError: `migrations` is no Alembic folder.
        sqlalchemy.exc.OperationalError: no database, or a table lock could not be had in time.
    """
    engine = _engine(settings)
    with _turn(engine, echo):
        for folder in folders(settings):
            _upgrade_folder(engine, folder, echo)


def pending(settings: Settings) -> list[str]:
    """The revisions that `upgrade` would apply, in order, each as a line. Does not wait for the database.

    Raises:
        NotConfigured: no database_url.
        SettingsError: `migrations` is no Alembic folder.
        sqlalchemy.exc.OperationalError: no database.
    """
    with _engine(settings).connect() as connection:
        return [line for folder in folders(settings) for line in _pending(connection, folder)]


def run_env(target_metadata: MetaData | None = None, *, version_table: str = APP_VERSION_TABLE, **options: Any) -> None:
    """All that an Alembic `env.py` has to do; autogenerate does not see the library's tables.

    It runs on the connection of `flask-scale migrate`, or, under Alembic's own command, on one of its own.
    `options` are further ones of Alembic's `context.configure`, such as `include_object`.
    """
    connection = context.config.attributes.get("connection")
    if connection is not None:
        _run(connection, target_metadata, version_table, options)
        return
    with _engine(load_settings()).connect() as own:
        _run(own, target_metadata, version_table, options)


def _run(connection: Connection, target_metadata: MetaData | None, version_table: str, options: dict[str, Any]) -> None:
    echo = context.config.attributes.get("echo", lambda _line: None)

    def applied(ctx: MigrationContext, step: MigrationInfo, heads: Any, run_args: Any) -> None:
        echo(f"applied {step.up_revision_id}: {getattr(step.up_revision, 'doc', '')}")

    context.configure(
        connection=connection,
        target_metadata=target_metadata,
        version_table=version_table,
        transaction_per_migration=True,
        on_version_apply=applied,
        include_name=lambda name, kind, _parents: not (kind == "table" and name in LIBRARY_TABLES),
        **options,
    )
    with context.begin_transaction():
        context.run_migrations()


def _config(folder: Folder) -> Config:
    config = Config()
    config.set_main_option("script_location", folder.location.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("prepend_sys_path", ".")  # an env.py imports the app, as `flask-scale serve` does
    return config


def _upgrade_folder(engine: Engine, folder: Folder, echo: Echo) -> None:
    for attempt in range(1, LOCK_ATTEMPTS + 1):
        try:
            _upgrade_once(engine, folder, echo)
            return
        except OperationalError as error:
            if getattr(error.orig, "pgcode", None) != "55P03" or attempt == LOCK_ATTEMPTS:
                raise
            echo(f"{folder.name}: a table is in use, trying again ({attempt} of {LOCK_ATTEMPTS})")
            time.sleep(1)


def _upgrade_once(engine: Engine, folder: Folder, echo: Echo) -> None:
    with engine.connect() as connection:
        if not _pending(connection, folder):
            echo(f"{folder.name}: up to date")
            return
        connection.rollback()
        config = _config(folder)
        url = engine.url.render_as_string(hide_password=False)
        config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
        config.attributes.update(connection=connection, echo=lambda line: echo(f"{folder.name}: {line}"))
        command.upgrade(config, "heads")
        connection.commit()


def _pending(connection: Connection, folder: Folder) -> list[str]:
    try:
        script = ScriptDirectory.from_config(_config(folder))
    except CommandError as error:
        raise SettingsError(f"FLASK_SCALE_MIGRATIONS={folder.location!r} is no Alembic folder: {error}") from error
    current = MigrationContext.configure(connection, opts={"version_table": folder.version_table}).get_current_heads()
    try:
        revisions = list(script.iterate_revisions("heads", current or "base"))
    except (CommandError, ResolutionError):
        return []  # A newer release has migrated: this one runs on its schema.
    return [f"{folder.name}: {revision.revision} {revision.doc}" for revision in reversed(revisions)]


@contextlib.contextmanager
def _turn(engine: Engine, echo: Echo) -> Iterator[None]:
    with _first_connection(engine, echo) as connection:
        deadline = time.monotonic() + TURN_SECONDS
        while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK_KEY}):
            if time.monotonic() > deadline:
                raise TimeoutError("another process has been migrating this database for too long")
            echo("another process is migrating, waiting for it")
            time.sleep(1)
        yield


def _first_connection(engine: Engine, echo: Echo) -> Connection:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        except OperationalError as error:
            if time.monotonic() > deadline or any(words in str(error.orig) for words in HOPELESS):
                raise
            echo(f"waiting for the database: {str(error.orig).splitlines()[0]}")
            time.sleep(1)


def _engine(settings: Settings) -> Engine:
    if settings.database_url is None:
        raise NotConfigured("no database to migrate: set FLASK_SCALE_DATABASE_URL=postgresql://user:password@host/name")
    return create_engine(
        normalise_url(settings.database_url),
        poolclass=NullPool,
        connect_args={
            "connect_timeout": settings.connect_timeout_seconds,
            "application_name": APPLICATION_NAME,
            "options": f"-c lock_timeout={LOCK_TIMEOUT_SECONDS * 1000}",
        },
    )

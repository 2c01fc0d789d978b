"""PostgreSQL, a cache and a broker for the contenders."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg2
from psycopg2.extras import execute_values
from sqlalchemy.exc import SQLAlchemyError

from benchmarks.expected import rows
from flask_scale import migrate
from flask_scale.dev.postgres import Postgres
from flask_scale.dev.process import Process, free_port
from flask_scale.dev.valkey import Valkey
from flask_scale.errors import DevStackError
from flask_scale.settings import Settings

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Stores:
    """The servers, and the database that is worked on."""

    postgres: Postgres
    cache: Valkey
    broker: Valkey
    database: str = "benchmark"

    @property
    def processes(self) -> tuple[Process, ...]:
        """All of them."""
        return (self.postgres, self.cache, self.broker)

    @property
    def database_url(self) -> str:
        """The database's address, for SQLAlchemy: without the driver's name 2.1 would take psycopg 3."""
        return self.postgres.url(self.database).replace("postgresql://", "postgresql+psycopg2://")

    def environment(self) -> dict[str, str]:
        """The environment of a process that is led to them, by the contenders' names and by ours."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("FLASK_SCALE_")}
        urls = {"DATABASE_URL": self.database_url, "CACHE_URL": self.cache.url, "BROKER_URL": self.broker.url}
        led = {f"{prefix}_{name}": url for name, url in urls.items() for prefix in ("BENCH", "FLASK_SCALE")}
        return {**inherited, **led, "PYTHONPATH": str(ROOT)}

    def with_database(self, name: str) -> "Stores":
        """The same with a new database, which has the library's tables and none of what others left.

        Raises:
            DevStackError: PostgreSQL did not make it.
        """
        try:
            migrate.upgrade(Settings(database_url=self.postgres.create_database(name)))
        except (psycopg2.Error, SQLAlchemyError) as error:
            raise DevStackError(f"the database {name}: {error}") from error
        return replace(self, database=name)


@contextmanager
def running_stores(folder: Path) -> Iterator[Stores]:
    """Start them with the items in place, and end them whatever happens."""
    stores = Stores(
        Postgres(folder / "postgres", free_port()),
        Valkey.cache(folder / "cache", free_port()),
        Valkey.broker(folder / "broker", free_port()),
    )
    try:
        for process in stores.processes:
            process.start()
        filled = stores.with_database(stores.database)
        _fill(stores.postgres.url(stores.database))
        yield filled
    finally:
        for process in reversed(stores.processes):
            with suppress(Exception):
                process.stop()


def _fill(url: str) -> None:
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE items (id int PRIMARY KEY, name text, email text, price int)")
        execute_values(cursor, "INSERT INTO items VALUES %s", list(rows()), page_size=1000)
        cursor.execute("ANALYZE items")

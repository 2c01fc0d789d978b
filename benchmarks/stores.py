"""PostgreSQL, a cache and a broker for the contenders."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2.extras import execute_values

from benchmarks.expected import rows
from flask_scale import migrate
from flask_scale.dev.postgres import Postgres
from flask_scale.dev.process import Process, free_port
from flask_scale.dev.valkey import Valkey
from flask_scale.settings import Settings

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Stores:
    """Where they are, and their processes."""

    database_url: str
    cache_url: str
    broker_url: str
    processes: tuple[Process, ...]

    def environment(self) -> dict[str, str]:
        """The environment of a process that is led to them, by the contenders' names and by ours."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("FLASK_SCALE_")}
        urls = {"DATABASE_URL": self.database_url, "CACHE_URL": self.cache_url, "BROKER_URL": self.broker_url}
        led = {f"{prefix}_{name}": url for name, url in urls.items() for prefix in ("BENCH", "FLASK_SCALE")}
        return {**inherited, **led, "PYTHONPATH": str(ROOT)}


@contextmanager
def running_stores(folder: Path) -> Iterator[Stores]:
    """Start them with the items in place, and end them whatever happens."""
    postgres = Postgres(folder / "postgres", free_port())
    cache = Valkey.cache(folder / "cache", free_port())
    broker = Valkey.broker(folder / "broker", free_port())
    processes = (postgres, cache, broker)
    try:
        for process in processes:
            process.start()
        url = postgres.create_database("benchmark")
        migrate.upgrade(Settings(database_url=url))
        _fill(url)
        # Without the driver's name SQLAlchemy 2.1 would take psycopg 3.
        yield Stores(url.replace("postgresql://", "postgresql+psycopg2://"), cache.url, broker.url, processes)
    finally:
        for process in reversed(processes):
            with suppress(Exception):
                process.stop()


def _fill(url: str) -> None:
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE items (id int PRIMARY KEY, name text, email text, price int)")
        execute_values(cursor, "INSERT INTO items VALUES %s", list(rows()), page_size=1000)
        cursor.execute("ANALYZE items")

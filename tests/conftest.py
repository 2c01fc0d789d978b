"""Fixtures that every test may ask for. A server starts when the first test asks for it."""

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from flask_scale.dev.account import temporary_folder, unprivileged
from flask_scale.dev.postgres import Postgres
from flask_scale.dev.valkey import Valkey
from tests.support import servers

# A busy machine is no bug.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Lone surrogates that a test logged cannot travel from pytest-xdist's processes: replace them."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "replace").decode()) for name, text in report.sections]
    return report


@pytest.fixture
def alembic_folder(tmp_path: Path) -> Path:
    """An app's Alembic folder, without revisions yet."""
    (tmp_path / "versions").mkdir()
    env = "from flask_scale.migrate import run_env\nfrom sqlalchemy import MetaData\nrun_env(MetaData())\n"
    (tmp_path / "env.py").write_text(env)
    return tmp_path


@pytest.fixture(scope="session")
def servers_folder() -> Iterator[Path]:
    """Where the session's servers keep their files and logs."""
    with temporary_folder(unprivileged()) as folder:
        yield folder


@pytest.fixture(scope="session")
def postgres_server(servers_folder: Path) -> Iterator[Postgres]:
    """The session's PostgreSQL."""
    with servers.running(servers.postgres(servers_folder)) as server:
        yield server


@pytest.fixture(scope="session")
def cache_server(servers_folder: Path) -> Iterator[Valkey]:
    """The session's Valkey for the cache."""
    with servers.running(servers.cache(servers_folder)) as server:
        yield server


@pytest.fixture(scope="session")
def broker_server(servers_folder: Path) -> Iterator[Valkey]:
    """The session's Valkey for Celery."""
    with servers.running(servers.broker(servers_folder)) as server:
        yield server


@pytest.fixture
def database_url(postgres_server: Postgres) -> Iterator[str]:
    """The URL of a fresh, empty database."""
    with servers.fresh_database(postgres_server) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_template(postgres_server: Postgres) -> str:
    """The name of a database with the library's tables, to copy."""
    from flask_scale import migrate
    from flask_scale.settings import Settings

    url = postgres_server.create_database("migrated")
    migrate.upgrade(Settings(database_url=url))
    return "migrated"


@pytest.fixture
def migrated_database_url(postgres_server: Postgres, migrated_template: str) -> Iterator[str]:
    """The URL of a fresh database with the library's tables."""
    with servers.fresh_database(postgres_server, migrated_template) as url:
        yield url


@pytest.fixture
def cache_url(cache_server: Valkey) -> Iterator[str]:
    """The URL of an empty cache server that answers."""
    with servers.flushed(cache_server) as url:
        yield url


@pytest.fixture
def broker_url(broker_server: Valkey) -> Iterator[str]:
    """The URL of an empty broker that answers."""
    with servers.flushed(broker_server) as url:
        yield url

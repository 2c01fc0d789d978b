"""Fixtures of the integration tests."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from flask_scale import migrate
from flask_scale.dev.postgres import Postgres
from flask_scale.settings import Settings
from tests.support import servers
from tests.support.directory import MIGRATIONS, Directory, running_directory
from tests.support.gunicorn import serving

APPS = "tests.support.apps"


@pytest.fixture
def serve(tmp_path):
    """Serves an app of tests/support/apps with the settings it is given, until the test's end."""
    with ExitStack() as servers:
        yield lambda app, **settings: servers.enter_context(serving(f"{APPS}.{app}", tmp_path, **settings))


@pytest.fixture(scope="session")
def directory_template(postgres_server: Postgres) -> str:
    """The name of a database with the library's and the user directory's tables, to copy."""
    url = postgres_server.create_database("directory")
    migrate.upgrade(Settings(database_url=url, migrations=MIGRATIONS))
    return "directory"


@pytest.fixture
def directory_database_url(postgres_server: Postgres, directory_template: str) -> Iterator[str]:
    """The URL of a fresh database with every table."""
    with servers.fresh_database(postgres_server, directory_template) as url:
        yield url


@pytest.fixture
def directory(directory_database_url: str, cache_url: str) -> Iterator[Directory]:
    """The user directory's API with an empty database and cache; jobs are accepted, and nothing runs them."""
    with running_directory(directory_database_url, cache_url) as found:
        yield found


@pytest.fixture(scope="module")
def standing_directory(postgres_server: Postgres, directory_template: str) -> Iterator[Directory]:
    """One API without a cache server for a whole module, whose tests leave nothing behind."""
    with (
        servers.fresh_database(postgres_server, directory_template) as url,
        running_directory(url) as found,
    ):
        yield found

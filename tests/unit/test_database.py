"""The engine's settings; what needs a server is in tests/integration/test_database.py."""

import pytest
from flask import Flask

from flask_scale import database
from flask_scale.errors import NotConfigured
from flask_scale.settings import Settings
from flask_scale.state import State


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_every_spelling_of_the_scheme_names_psycopg2(scheme):
    assert database.normalise_url(f"{scheme}://app@db/users").drivername == "postgresql+psycopg2"


def test_the_pool_is_the_tutorials():
    engine = database.Database(Settings(database_url="postgresql://app@db/users")).engine

    assert (engine.pool.size(), engine.pool._max_overflow, engine.pool._recycle) == (10, 5, 1800)


def test_an_engine_without_a_url_says_what_to_set():
    with pytest.raises(NotConfigured, match="FLASK_SCALE_DATABASE_URL"):
        database.Database(Settings())


def test_an_app_without_a_url_has_no_database_and_says_why():
    state = State(Settings())

    database.init_app(Flask(__name__), state)

    assert state.database is None
    assert state.parts["database"] == "off: FLASK_SCALE_DATABASE_URL is not set"

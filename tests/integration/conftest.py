"""Fixtures of the integration tests."""

from contextlib import ExitStack

import pytest

from tests.support.gunicorn import serving

APPS = "tests.support.apps"


@pytest.fixture
def serve(tmp_path):
    """Serves an app of tests/support/apps with the settings it is given, until the test's end."""
    with ExitStack() as servers:
        yield lambda app, **settings: servers.enter_context(serving(f"{APPS}.{app}", tmp_path, **settings))

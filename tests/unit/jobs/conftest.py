"""Jobs in memory for the unit tests."""

import pytest

from tests.support.memory_jobs import memory_farm


@pytest.fixture
def farm():
    farm = memory_farm(job_lease_seconds=2, job_heartbeat_seconds=0.1, job_backoff_base_seconds=0.001)
    with farm.app.app_context():
        yield farm

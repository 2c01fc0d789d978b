"""The in-memory store keeps the contract."""

import pytest

from flask_scale.jobs.memory import MemoryJobStore
from flask_scale.testing.jobs import JobClock, JobStoreConformance


class TestMemoryJobStore(JobStoreConformance):
    @pytest.fixture
    def clock(self):
        return JobClock()

    @pytest.fixture
    def store(self, clock):
        return MemoryJobStore(clock=clock)

    @pytest.fixture
    def advance(self, clock):
        return clock.advance

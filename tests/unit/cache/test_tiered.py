"""Without the shared cache, the process's own keeps the contract by itself."""

import socket

import pytest

from flask_scale.cache.memory import MemoryCache
from flask_scale.cache.redis import RedisCache
from flask_scale.cache.tiered import TieredCache
from flask_scale.testing.cache import CacheConformance, ManualClock

#: Above every time in the conformance suite, so that L1's own limit does not show.
NEAR_TTL = 1000.0


class TestTieredCacheWithoutItsServer(CacheConformance):
    @pytest.fixture
    def clock(self):
        return ManualClock()

    @pytest.fixture
    def cache(self, clock):
        with socket.socket() as nobody_listens:
            nobody_listens.bind(("127.0.0.1", 0))
            shared = RedisCache(f"redis://127.0.0.1:{nobody_listens.getsockname()[1]}/0", timeout=0.05)
            cache = TieredCache(MemoryCache(1_000_000, clock=clock), shared, near_ttl=NEAR_TTL)
            yield cache
            cache.close()

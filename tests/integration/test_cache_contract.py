"""The caches on a real server keep the contract."""

import pytest

from flask_scale.cache.memory import MemoryCache
from flask_scale.cache.redis import RedisCache
from flask_scale.cache.tiered import TieredCache
from flask_scale.testing.cache import CacheConformance, SleepingClock

#: The contract's tests are not about timeouts; a busy machine must not turn a value into a miss.
PATIENT = 5.0


class TestRedisCache(CacheConformance):
    @pytest.fixture
    def clock(self):
        return SleepingClock()

    @pytest.fixture
    def cache(self, cache_url):
        cache = RedisCache(cache_url, prefix="test:", timeout=PATIENT)
        yield cache
        cache.close()


class TestTieredCache(CacheConformance):
    @pytest.fixture
    def clock(self):
        return SleepingClock()

    @pytest.fixture
    def cache(self, cache_url):
        shared = RedisCache(cache_url, prefix="test:", timeout=PATIENT)
        cache = TieredCache(MemoryCache(1_000_000), shared, near_ttl=60.0)
        yield cache
        cache.close()

"""The null cache keeps what of the contract a cache can keep that keeps nothing."""

import pytest

from flask_scale.cache.null import NullCache
from flask_scale.testing.cache import LONG, AnyCacheConformance, ManualClock


class TestNullCache(AnyCacheConformance):
    @pytest.fixture
    def clock(self):
        return ManualClock()

    @pytest.fixture
    def cache(self):
        return NullCache()


def test_nothing_is_kept():
    cache = NullCache()
    cache.set("greeting", b"hello", ttl=LONG)
    assert cache.get("greeting") is None

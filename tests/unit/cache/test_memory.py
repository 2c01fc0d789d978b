"""The memory cache keeps the contract, within its bytes."""

import pytest

from flask_scale.cache.memory import ENTRY_OVERHEAD_BYTES, MemoryCache
from flask_scale.testing.cache import LONG, CacheConformance, ManualClock, lease_of, value_of


class TestMemoryCache(CacheConformance):
    @pytest.fixture
    def clock(self):
        return ManualClock()

    @pytest.fixture
    def cache(self, clock):
        return MemoryCache(1_000_000, clock=clock)


def one_kilobyte(cache, key):
    cache.set(key, b"x" * (1024 - len(key) - ENTRY_OVERHEAD_BYTES), ttl=LONG, tags=["all"])


def test_the_least_recently_used_goes_first_once_the_bytes_are_used_up():
    cache = MemoryCache(3 * 1024)
    for key in ("a", "b", "c"):
        one_kilobyte(cache, key)
    cache.get("a")
    one_kilobyte(cache, "d")
    assert [key for key in "abcd" if cache.get(key)] == ["a", "c", "d"]


def test_what_does_not_fit_is_not_kept_and_drops_what_it_would_replace():
    cache = MemoryCache(1024)
    cache.set("a", b"small", ttl=LONG)
    cache.set("a", b"x" * 2000, ttl=LONG)
    assert cache.get("a") is None


def test_a_cache_of_no_bytes_still_gives_leases():
    cache = MemoryCache(0)
    assert cache.store(lease_of(cache, "a"), b"hello", ttl=LONG)
    assert cache.get("a") is None


def test_an_evicted_entry_leaves_nothing_behind_in_the_index():
    cache = MemoryCache(2 * 1024)
    for number in range(10):
        one_kilobyte(cache, str(number))
    cache.invalidate(["all"])
    assert cache._shelf._keys == {}
    one_kilobyte(cache, "again")
    assert value_of(cache.get("again")) is not None
    assert [key for key in map(str, range(10)) if cache.get(key)] == []


def test_a_watcher_that_does_not_know_its_tags_is_voided_by_any_invalidation():
    cache = MemoryCache(10_000)
    any_tag, words = cache.watch("a"), cache.watch("b", ["words"])
    cache.invalidate(["numbers"])
    assert not cache.store(any_tag, b"1", ttl=LONG)
    assert cache.store(words, b"2", ttl=LONG)


def test_clearing_voids_every_load():
    cache = MemoryCache(10_000)
    lease = lease_of(cache, "a")
    cache.clear()
    assert not cache.store(lease, b"old", ttl=LONG)

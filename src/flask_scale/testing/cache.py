"""What holds for every cache, as tests: inherit a suite and give its fixtures `cache` and `clock`.

```python
class TestMyCache(CacheConformance):
    @pytest.fixture
    def clock(self):
        return ManualClock()

    @pytest.fixture
    def cache(self, clock):
        return MyCache(clock=clock)
```
"""

import threading
import time
from collections.abc import Callable
from typing import Protocol

import pytest

from flask_scale.cache.contract import MAX_KEY_BYTES, Cache, Entry, Lease
from flask_scale.errors import KeyTooLong

#: Time to live in these tests, in seconds: long beside a round trip, short to wait for.
TTL = 1.0
LEASE = 1.0
LONG = 60.0


class Clock(Protocol):
    """How a test lets time pass."""

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        ...


class ManualClock:
    """A clock that a test turns. Call it for its time in seconds."""

    def __init__(self) -> None:
        self._now = 1000.0

    def __call__(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds


class SleepingClock:
    """The real clock, for a cache whose time is a server's."""

    def advance(self, seconds: float) -> None:
        time.sleep(seconds + 0.01)


def lease_of(cache: Cache, key: str, *, tags: tuple[str, ...] = (), seconds: float = LONG) -> Lease:
    """The lease that a look-up gives; fails the test where it gives none."""
    lease = cache.look_up(key, tags=tags, lease_seconds=seconds).lease
    assert lease is not None
    return lease


def value_of(entry: Entry | None) -> bytes | None:
    """The value of an entry, None where there is none."""
    return None if entry is None else entry.value


class AnyCacheConformance:
    """What holds for every cache, one that keeps nothing included."""

    def test_a_key_never_set_is_missing(self, cache: Cache) -> None:
        assert cache.get("greeting") is None
        assert cache.peek("greeting") is None

    def test_a_look_up_that_misses_gets_a_lease(self, cache: Cache) -> None:
        found = cache.look_up("greeting", tags=["words"], lease_seconds=LONG)
        assert found.entry is None
        assert found.lease is not None

    def test_a_released_lease_goes_to_the_next_look_up(self, cache: Cache) -> None:
        cache.release(lease_of(cache, "greeting"))
        lease_of(cache, "greeting")

    def test_what_a_lease_holder_stores_is_accepted(self, cache: Cache) -> None:
        assert cache.store(lease_of(cache, "greeting"), b"hello", ttl=LONG)

    def test_dropping_what_is_not_there_does_nothing(self, cache: Cache) -> None:
        cache.delete("greeting")
        cache.invalidate(["words"])
        cache.invalidate([])

    def test_keys_and_tags_are_bounded_in_bytes(self, cache: Cache) -> None:
        longest = "é" * (MAX_KEY_BYTES // 2)
        cache.set(longest, b"hello", ttl=LONG, tags=[longest])
        for too_long in (longest + "x", "x" * (MAX_KEY_BYTES + 1)):
            with pytest.raises(KeyTooLong):
                cache.get(too_long)
            with pytest.raises(KeyTooLong):
                cache.set(too_long, b"hello", ttl=LONG)
            with pytest.raises(KeyTooLong):
                cache.set("greeting", b"hello", ttl=LONG, tags=[too_long])
            with pytest.raises(KeyTooLong):
                cache.look_up("greeting", tags=[too_long], lease_seconds=LONG)
            with pytest.raises(KeyTooLong):
                cache.delete(too_long)
            with pytest.raises(KeyTooLong):
                cache.invalidate([too_long])

    def test_it_works_on_after_a_fork(self, cache: Cache) -> None:
        cache.after_fork()
        assert cache.store(lease_of(cache, "greeting"), b"hello", ttl=LONG)


class CacheConformance(AnyCacheConformance):
    """What holds for every cache that keeps something."""

    @pytest.mark.parametrize("value", [b"", b"hello", bytes(range(256)), b"\n\n{}", b"x" * 100_000])
    def test_any_bytes_come_back_as_they_were(self, cache: Cache, value: bytes) -> None:
        cache.set("greeting", value, ttl=LONG)
        assert value_of(cache.get("greeting")) == value

    @pytest.mark.parametrize("key", ["", " ", "a:b", "a\nb", "a\0b", "grüße", "\U0001f600", "\ud800", '{"a":1}'])
    def test_any_text_is_a_key_and_a_tag(self, cache: Cache, key: str) -> None:
        cache.set(key, b"hello", ttl=LONG, tags=[key])
        assert value_of(cache.get(key)) == b"hello"
        cache.invalidate([key])
        assert cache.get(key) is None

    def test_a_tag_that_is_named_twice_is_one(self, cache: Cache) -> None:
        cache.set("greeting", b"hello", ttl=LONG, tags=["a", "a"])
        cache.invalidate(["a"])
        assert cache.get("greeting") is None
        cache.set("greeting", b"hello", ttl=LONG, tags=["a", "a"])
        cache.delete("greeting")
        cache.set("greeting", b"hello", ttl=LONG)
        cache.invalidate(["a"])
        assert value_of(cache.get("greeting")) == b"hello"

    def test_its_standing_is_another_one_after_each_change(self, cache: Cache) -> None:
        def load() -> None:
            found = cache.look_up("loaded", tags=["all"], lease_seconds=LONG)
            assert found.lease is not None
            cache.store(found.lease, b"hello", ttl=LONG)

        changes: list[Callable[[], object]] = [
            lambda: cache.set("greeting", b"hello", ttl=LONG),
            lambda: cache.delete("greeting"),
            load,
            lambda: cache.invalidate(["all"]),
        ]
        standings = [cache.standing()]
        for change in changes:
            change()
            standings.append(cache.standing())
        told = [standing for standing in standings if standing is not None]
        assert len(set(told)) == len(told)

    def test_a_value_is_gone_once_its_time_is_over(self, cache: Cache, clock: Clock) -> None:
        cache.set("greeting", b"hello", ttl=TTL)
        clock.advance(TTL)
        assert cache.get("greeting") is None

    def test_a_value_is_stale_between_fresh_and_gone(self, cache: Cache, clock: Clock) -> None:
        cache.set("greeting", b"hello", ttl=TTL, stale=LONG)
        entry = cache.get("greeting")
        assert entry is not None
        assert 0 < entry.fresh_for <= TTL < entry.gone_in <= TTL + LONG
        clock.advance(TTL)
        entry = cache.get("greeting")
        assert entry is not None
        assert entry.fresh_for <= 0 < entry.gone_in
        assert cache.peek("greeting") is None

    def test_a_time_to_live_of_nothing_keeps_nothing(self, cache: Cache) -> None:
        cache.set("greeting", b"hello", ttl=LONG)
        cache.set("greeting", b"goodbye", ttl=0, stale=LONG)
        assert cache.get("greeting") is None
        assert cache.store(lease_of(cache, "greeting"), b"hello", ttl=0, stale=LONG)
        assert cache.get("greeting") is None

    def test_the_last_set_wins(self, cache: Cache) -> None:
        cache.set("greeting", b"hello", ttl=LONG)
        cache.set("greeting", b"goodbye", ttl=LONG)
        assert value_of(cache.get("greeting")) == b"goodbye"

    def test_a_deleted_value_is_gone_and_others_stay(self, cache: Cache) -> None:
        cache.set("greeting", b"hello", ttl=LONG)
        cache.set("farewell", b"goodbye", ttl=LONG)
        cache.delete("greeting")
        assert cache.get("greeting") is None
        assert value_of(cache.get("farewell")) == b"goodbye"

    def test_invalidating_any_tag_of_a_value_drops_it(self, cache: Cache) -> None:
        cache.set("greeting", b"hello", ttl=LONG, tags=["words", "short"])
        cache.set("farewell", b"goodbye", ttl=LONG, tags=["words"])
        cache.set("number", b"1", ttl=LONG, tags=["numbers"])
        cache.invalidate(["short", "unused"])
        assert cache.get("greeting") is None
        assert value_of(cache.get("farewell")) == b"goodbye"
        cache.invalidate(["words"])
        assert cache.get("farewell") is None
        assert value_of(cache.get("number")) == b"1"

    def test_a_tag_can_be_used_again_after_its_invalidation(self, cache: Cache) -> None:
        cache.set("greeting", b"hello", ttl=LONG, tags=["words"])
        cache.invalidate(["words"])
        cache.set("greeting", b"hello again", ttl=LONG, tags=["words"])
        assert value_of(cache.get("greeting")) == b"hello again"
        cache.invalidate(["words"])
        assert cache.store(lease_of(cache, "greeting", tags=("words",)), b"once more", ttl=LONG)
        assert value_of(cache.get("greeting")) == b"once more"
        cache.invalidate(["words"])
        assert cache.get("greeting") is None

    def test_a_fresh_value_needs_no_lease(self, cache: Cache) -> None:
        cache.set("greeting", b"hello", ttl=LONG)
        found = cache.look_up("greeting", tags=(), lease_seconds=LONG)
        assert (value_of(found.entry), found.lease) == (b"hello", None)

    def test_only_the_first_look_up_gets_the_lease(self, cache: Cache) -> None:
        lease_of(cache, "greeting")
        assert cache.look_up("greeting", tags=(), lease_seconds=LONG) == (None, None)
        lease_of(cache, "farewell")

    def test_of_many_threads_one_gets_the_lease(self, cache: Cache) -> None:
        leases: list[Lease | None] = []
        start = threading.Barrier(20)

        def look_up() -> None:
            start.wait()
            leases.append(cache.look_up("greeting", tags=["words"], lease_seconds=LONG).lease)

        threads = [threading.Thread(target=look_up) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(leases) == 20
        assert sum(lease is not None for lease in leases) == 1

    def test_a_stale_value_comes_with_the_lease_once_and_then_without(self, cache: Cache, clock: Clock) -> None:
        cache.set("greeting", b"hello", ttl=TTL, stale=LONG)
        clock.advance(TTL)
        first = cache.look_up("greeting", tags=(), lease_seconds=LONG)
        second = cache.look_up("greeting", tags=(), lease_seconds=LONG)
        assert (value_of(first.entry), first.lease is None) == (b"hello", False)
        assert (value_of(second.entry), second.lease is None) == (b"hello", True)

    def test_a_lease_whose_holder_is_silent_goes_to_another(self, cache: Cache, clock: Clock) -> None:
        lease_of(cache, "greeting", seconds=LEASE)
        clock.advance(LEASE)
        lease_of(cache, "greeting")

    def test_a_lease_that_ran_out_may_still_store(self, cache: Cache, clock: Clock) -> None:
        lease = lease_of(cache, "greeting", seconds=LEASE)
        clock.advance(LEASE)
        assert cache.store(lease, b"hello", ttl=LONG)
        assert value_of(cache.get("greeting")) == b"hello"

    def test_a_lease_that_ran_out_does_not_end_anothers(self, cache: Cache, clock: Clock) -> None:
        lease = lease_of(cache, "greeting", seconds=LEASE)
        clock.advance(LEASE)
        lease_of(cache, "greeting")
        cache.release(lease)
        assert cache.look_up("greeting", tags=(), lease_seconds=LONG).lease is None

    def test_the_slower_of_two_loads_does_not_replace_the_faster(self, cache: Cache, clock: Clock) -> None:
        slower = lease_of(cache, "greeting", seconds=LEASE)
        clock.advance(LEASE)
        faster = lease_of(cache, "greeting")
        assert cache.store(faster, b"new", ttl=LONG)
        assert not cache.store(slower, b"old", ttl=LONG)
        assert value_of(cache.get("greeting")) == b"new"

    def test_storing_ends_the_lease(self, cache: Cache, clock: Clock) -> None:
        cache.store(lease_of(cache, "greeting"), b"hello", ttl=TTL, stale=LONG)
        clock.advance(TTL)
        lease_of(cache, "greeting")

    def test_storing_keeps_the_value_with_its_tags(self, cache: Cache) -> None:
        assert cache.store(lease_of(cache, "greeting", tags=("words",)), b"hello", ttl=LONG)
        found = cache.look_up("greeting", tags=["words"], lease_seconds=LONG)
        assert (value_of(found.entry), found.lease) == (b"hello", None)
        cache.invalidate(["words"])
        assert cache.get("greeting") is None

    @pytest.mark.parametrize("drop", ["delete", "invalidate", "set"])
    def test_a_load_that_began_before_a_drop_is_not_stored_after_it(self, cache: Cache, drop: str) -> None:
        lease = lease_of(cache, "greeting", tags=("short", "words"))
        _drop(cache, drop)
        assert not cache.store(lease, b"old", ttl=LONG)
        assert value_of(cache.get("greeting")) == (b"new" if drop == "set" else None)

    @pytest.mark.parametrize("drop", ["delete", "invalidate"])
    def test_after_a_drop_the_next_look_up_need_not_wait_for_the_load_it_voided(self, cache: Cache, drop: str) -> None:
        voided = lease_of(cache, "greeting", tags=("words",))
        _drop(cache, drop)
        lease = lease_of(cache, "greeting", tags=("words",))
        cache.release(voided)
        assert cache.look_up("greeting", tags=["words"], lease_seconds=LONG).lease is None
        assert cache.store(lease, b"new", ttl=LONG)

    def test_drops_of_other_keys_and_tags_leave_a_load_alone(self, cache: Cache) -> None:
        lease = lease_of(cache, "greeting", tags=("words",))
        cache.delete("farewell")
        cache.set("farewell", b"goodbye", ttl=LONG)
        cache.invalidate(["numbers"])
        assert cache.store(lease, b"hello", ttl=LONG)
        assert value_of(cache.get("greeting")) == b"hello"


def _drop(cache: Cache, how: str) -> None:
    if how == "delete":
        cache.delete("greeting")
    elif how == "invalidate":
        cache.invalidate(["words"])
    else:
        cache.set("greeting", b"new", ttl=LONG)

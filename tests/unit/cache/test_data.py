"""What the data cache promises its callers, in one process."""

import threading

import pytest
from prometheus_client import REGISTRY
from werkzeug.exceptions import BadGateway, NotFound

from flask_scale.cache.data import MISSING, DataCache
from flask_scale.cache.memory import MemoryCache
from flask_scale.cache.null import NullCache
from flask_scale.errors import KeyTooLong, NotCacheable
from flask_scale.testing.cache import ManualClock
from tests.support.deadline import assert_soon

TTL, STALE = 100.0, 50.0


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def backend(clock):
    return MemoryCache(1_000_000, clock=clock)


@pytest.fixture
def cache(backend):
    return DataCache(backend, ttl=TTL, stale=STALE)


class Loader:
    """Counts its calls; returns or raises what it was told."""

    def __init__(self, *results):
        self.results = list(results)
        self.calls = 0

    def __call__(self):
        self.calls += 1
        result = self.results.pop(0) if len(self.results) > 1 else self.results[0]
        if isinstance(result, BaseException):
            raise result
        return result


class Gate:
    """A loader that waits inside until it is opened."""

    def __init__(self, value):
        self.value = value
        self.calls = 0
        self.entered = threading.Event()
        self.opened = threading.Event()

    def __call__(self):
        self.calls += 1
        self.entered.set()
        assert self.opened.wait(30)
        if isinstance(self.value, BaseException):
            raise self.value
        return self.value


class Caller(threading.Thread):
    """A look-up in a thread of its own."""

    def __init__(self, cache, load, **options):
        super().__init__(daemon=True)
        self.look_up = lambda: cache.lookup("key", load, **options)
        self.answer = self.error = None
        self.start()

    def run(self):
        try:
            self.answer = self.look_up()
        except BaseException as error:
            self.error = error

    def outcome(self):
        self.join(30)
        assert not self.is_alive()
        return self.answer or self.error


def count(name, **labels):
    return REGISTRY.get_sample_value(f"flask_scale_{name}_total", labels) or 0.0


class TestReading:
    def test_a_miss_loads_and_the_next_is_a_hit(self, cache):
        load = Loader({"users": 3})
        assert cache.lookup("key", load) == ({"users": 3}, "miss")
        assert cache.lookup("key", load) == ({"users": 3}, "hit")
        assert cache.get_or_load("key", load) == {"users": 3}
        assert load.calls == 1

    @pytest.mark.parametrize("value", [None, False, 0, "", [], {}])
    def test_a_false_value_is_a_hit_like_any_other(self, cache, value):
        load = Loader(value)
        cache.get_or_load("key", load)
        assert cache.lookup("key", load) == (value, "hit")
        assert cache.get("key") == value
        assert load.calls == 1

    def test_what_was_never_kept_is_missing_which_is_not_none(self, cache):
        assert cache.get("key") is MISSING
        assert cache.get("key") is not None
        assert not MISSING

    def test_a_miss_gives_what_a_hit_gives(self, cache):
        load = Loader({1: (2, 3)})
        assert cache.get_or_load("key", load) == {"1": [2, 3]} == cache.get_or_load("key", load)

    def test_a_caller_may_change_what_it_got(self, cache):
        cache.get_or_load("key", Loader([1])).append(2)
        assert cache.get("key") == [1]

    def test_a_long_key_is_refused(self, cache):
        with pytest.raises(KeyTooLong):
            cache.get_or_load("x" * 251, Loader(1))

    def test_tags_as_one_string_are_refused(self, cache):
        with pytest.raises(TypeError, match=r"give a list: tags=\['users'\]"):
            cache.get_or_load("key", Loader(1), tags="users")
        with pytest.raises(TypeError, match="give a list"):
            cache.set("key", 1, tags="users")

    def test_without_a_cache_every_call_loads(self):
        cache, load = DataCache(NullCache()), Loader(1)
        assert [cache.lookup("key", load) for _ in range(3)] == [(1, "miss")] * 3
        assert load.calls == 3

    def test_a_forked_process_starts_empty(self, cache):
        cache.set("key", 1)
        cache.after_fork()
        assert cache.lookup("key", Loader(2)) == (2, "miss")


class TestTime:
    def test_a_value_is_a_miss_once_stale_is_over(self, cache, clock):
        load = Loader(1, 2)
        cache.get_or_load("key", load)
        clock.advance(TTL + STALE)
        assert cache.get("key") is MISSING
        assert cache.lookup("key", load) == (2, "miss")

    def test_the_time_to_live_is_shortened_by_at_most_a_tenth(self, cache, backend):
        left = []
        for number in range(200):
            cache.get_or_load(str(number), Loader(1))
            left.append(backend.get(str(number)).fresh_for)
        assert TTL * 0.9 <= min(left) < TTL * 0.92
        assert TTL * 0.98 < max(left) <= TTL

    def test_a_time_to_live_of_nothing_keeps_nothing(self, cache):
        cache.set("key", 1, ttl=0)
        assert cache.get("key") is MISSING
        assert cache.lookup("key", Loader(1), ttl=0) == (1, "miss")
        assert cache.lookup("key", Loader(2), ttl=0) == (2, "miss")

    def test_the_callers_own_times_go_before_the_settings(self, cache, clock):
        cache.get_or_load("key", Loader(1), ttl=10, stale=0)
        clock.advance(10)
        assert cache.lookup("key", Loader(2)) == (2, "miss")


class TestStale:
    def test_the_first_past_freshness_reloads_and_the_others_get_the_stale_value(self, cache, clock):
        cache.get_or_load("key", Loader("old"))
        clock.advance(TTL)
        gate = Gate("new")
        first = Caller(cache, gate)
        gate.entered.wait(30)

        assert [cache.lookup("key", gate) for _ in range(3)] == [("old", "stale")] * 3

        gate.opened.set()
        assert first.outcome() == ("new", "miss")
        assert cache.lookup("key", gate) == ("new", "hit")
        assert gate.calls == 1

    def test_get_does_not_give_a_stale_value(self, cache, clock):
        cache.set("key", 1)
        clock.advance(TTL)
        assert cache.get("key") is MISSING

    @pytest.mark.parametrize("error", [RuntimeError("database down"), BadGateway()])
    def test_a_load_that_fails_is_covered_by_the_stale_value_and_the_next_call_loads(self, cache, clock, error):
        load = Loader("old", error, "new")
        cache.get_or_load("key", load)
        clock.advance(TTL)
        assert cache.lookup("key", load) == ("old", "stale")
        assert cache.lookup("key", load) == ("new", "miss")

    @pytest.mark.parametrize(("result", "error"), [(NotFound(), NotFound), ({1, 2}, NotCacheable)])
    def test_an_answer_that_is_no_value_is_not_covered_by_a_stale_one(self, cache, clock, result, error):
        cache.get_or_load("key", Loader("old"))
        clock.advance(TTL)
        with pytest.raises(error):
            cache.get_or_load("key", Loader(result))


class TestErrors:
    def test_an_error_propagates_is_not_kept_and_the_next_call_loads_at_once(self, cache):
        load = Loader(ValueError("no such year"), 1)
        with pytest.raises(ValueError, match="no such year"):
            cache.get_or_load("key", load)
        assert cache.lookup("key", load) == (1, "miss")

    def test_a_load_that_failed_leaves_the_lease_to_whoever_comes_next(self, cache, backend):
        with pytest.raises(ValueError, match="no such year"):
            cache.get_or_load("key", Loader(ValueError("no such year")))
        assert backend.look_up("key", tags=[], lease_seconds=30).lease is not None

    def test_what_json_cannot_carry_is_refused_by_key_and_type_and_the_lease_ends(self, cache):
        with pytest.raises(NotCacheable, match=r"^key: a set"):
            cache.get_or_load("key", Loader({1, 2}))
        with pytest.raises(NotCacheable, match=r"^key: a set"):
            cache.set("key", {1, 2})
        assert cache.lookup("key", Loader(1)) == (1, "miss")

    def test_who_waited_for_a_load_gets_its_error(self, cache):
        gate = Gate(TimeoutError("no such year"))
        first = Caller(cache, gate)
        gate.entered.wait(30)
        waits = count("cache_lease_waits")
        others = [Caller(cache, gate) for _ in range(5)]
        threading.Timer(2, gate.opened.set).start()
        outcomes = {str(caller.outcome()) for caller in [first, *others]}
        assert outcomes == {"no such year"}
        assert gate.calls == 1
        assert count("cache_lease_waits") == waits + 5

    def test_a_load_that_is_killed_hands_over_to_who_waited(self, cache):
        gate = Gate(SystemExit())
        first = Caller(cache, gate)
        gate.entered.wait(30)
        second = Caller(cache, Loader(1))
        threading.Timer(2, gate.opened.set).start()
        assert isinstance(first.outcome(), SystemExit)
        assert second.outcome() == (1, "miss")


class TestSingleFlight:
    def test_of_many_callers_one_loads_and_all_get_the_value(self, cache):
        gate = Gate({"users": 3})
        callers = [Caller(cache, gate) for _ in range(50)]
        gate.entered.wait(30)
        threading.Timer(0.2, gate.opened.set).start()
        assert {str(caller.outcome()[0]) for caller in callers} == {"{'users': 3}"}
        assert gate.calls == 1

    def test_a_load_may_use_the_cache_for_other_keys(self, cache):
        outer = cache.get_or_load("outer", lambda: [cache.get_or_load("inner", Loader(1)), 2])
        assert outer == [1, 2]

    def test_who_waits_longer_than_the_limit_loads_for_itself(self, backend):
        cache = DataCache(backend, wait_seconds=0.05)
        gate = Gate("slow")
        first = Caller(cache, gate)
        gate.entered.wait(30)
        assert cache.lookup("key", Loader("own")) == ("own", "miss")
        gate.opened.set()
        assert first.outcome() == ("slow", "miss")
        assert cache.get("key") == "slow"

    def test_who_finds_anothers_lease_waits_for_the_value(self, cache, backend):
        lease = backend.look_up("key", tags=(), lease_seconds=60).lease
        waits = count("cache_lease_waits")
        caller = Caller(cache, Loader("own"))
        assert_soon(lambda: count("cache_lease_waits") > waits)
        backend.store(lease, b'"theirs"', ttl=TTL)
        assert caller.outcome() == ("theirs", "miss")

    def test_who_waits_for_a_lease_whose_holder_died_loads(self, cache, backend, clock):
        backend.look_up("key", tags=(), lease_seconds=60)
        waits = count("cache_lease_waits")
        caller = Caller(cache, Loader("own"))
        assert_soon(lambda: count("cache_lease_waits") > waits)
        clock.advance(60)
        assert caller.outcome() == ("own", "miss")

    def test_a_lease_that_never_ends_does_not_hold_a_caller_for_ever(self, backend):
        backend.look_up("key", tags=(), lease_seconds=60)
        cache = DataCache(backend, wait_seconds=0.05)
        assert cache.lookup("key", Loader("own")) == ("own", "miss")
        assert cache.get("key") is MISSING


class TestDrops:
    def test_a_deleted_value_is_loaded_anew(self, cache):
        load = Loader(1, 2)
        cache.get_or_load("key", load)
        cache.delete("key")
        assert cache.lookup("key", load) == (2, "miss")

    def test_an_invalidated_tag_drops_all_that_carries_it(self, cache):
        cache.get_or_load("a", Loader(1), tags=["users"])
        cache.set("b", 2, tags=["users", "numbers"])
        cache.set("c", 3, tags=["numbers"])
        cache.invalidate("users", "unused")
        assert [cache.get(key) for key in "abc"] == [MISSING, MISSING, 3]

    @pytest.mark.parametrize("drop", [lambda cache: cache.delete("key"), lambda cache: cache.invalidate("users")])
    def test_a_value_whose_load_began_before_a_drop_is_neither_kept_nor_shared(self, cache, drop):
        gate = Gate("old")
        first = Caller(cache, gate, tags=["users"])
        gate.entered.wait(30)
        drop(cache)
        late = Caller(cache, Loader("new"), tags=["users"])
        late.join(0.1)
        gate.opened.set()
        assert first.outcome() == ("old", "miss")
        assert late.outcome() == ("new", "miss")
        assert cache.get("key") == "new"

    def test_a_set_during_a_load_stands(self, cache):
        gate = Gate("old")
        first = Caller(cache, gate)
        gate.entered.wait(30)
        cache.set("key", "new")
        gate.opened.set()
        first.outcome()
        assert cache.get("key") == "new"


class TestMetrics:
    def test_look_ups_are_counted_by_result(self, cache, clock):
        before = [count("cache_requests", result=result) for result in ("miss", "hit", "stale")]
        load = Loader(1, RuntimeError())
        for _ in range(3):
            cache.get_or_load("key", load)
        cache.get("key")
        cache.get("other")
        clock.advance(TTL)
        cache.get_or_load("key", load)
        after = [count("cache_requests", result=result) for result in ("miss", "hit", "stale")]
        assert [now - then for now, then in zip(after, before, strict=True)] == [2, 3, 1]

    def test_loads_are_counted_by_outcome(self, cache):
        before = [count("cache_loads", outcome=outcome) for outcome in ("ok", "error")]
        cache.get_or_load("a", Loader(1))
        for result in (ValueError(), {1, 2}):
            with pytest.raises((ValueError, NotCacheable)):
                cache.get_or_load("b", Loader(result))
        after = [count("cache_loads", outcome=outcome) for outcome in ("ok", "error")]
        assert [now - then for now, then in zip(after, before, strict=True)] == [1, 2]

    def test_those_who_waited_for_a_load_are_counted(self, cache):
        before = count("cache_lease_waits")
        gate = Gate(1)
        first = Caller(cache, gate)
        gate.entered.wait(30)
        others = [Caller(cache, gate) for _ in range(3)]
        threading.Timer(2, gate.opened.set).start()
        for caller in [first, *others]:
            caller.outcome()
        assert count("cache_lease_waits") - before == 3

"""A cached function is still a function, with its cache at hand."""

import pytest

from flask_scale.cache import MISSING, CachedFunction, DataCache, cached
from flask_scale.cache.memory import MemoryCache


@pytest.fixture
def cache():
    return DataCache(MemoryCache(1_000_000))


@pytest.fixture
def report(cache):
    @cached(lambda: cache, tags=["reports"])
    def report(year: int, detail: bool = False) -> dict:
        """The year's figures."""
        report.calls += 1
        return {"year": year, "detail": detail}

    report.calls = 0
    return report


def test_a_call_is_kept_by_its_arguments_however_they_are_written(report):
    assert report(2026) == report(year=2026) == report(2026, detail=False) == {"year": 2026, "detail": False}
    assert report.calls == 1
    assert report(2026, True) == {"year": 2026, "detail": True}
    assert report.calls == 2


def test_it_keeps_the_functions_name_docstring_and_signature(report):
    assert isinstance(report, CachedFunction)
    assert report.__name__ == "report"
    assert report.__doc__ == "The year's figures."
    assert report.__wrapped__ is report.uncached


def test_uncached_is_the_function_itself(report, cache):
    report.uncached(2026)
    report.uncached(2026)
    assert report.calls == 2
    assert cache.get(report.key(2026)) is MISSING


def test_lookup_says_how_the_value_was_come_by(report):
    assert report.lookup(2026)[1] == "miss"
    assert report.lookup(2026)[1] == "hit"


def test_invalidate_drops_one_set_of_arguments(report):
    report(2025)
    report(2026)
    report.invalidate(year=2026)
    assert report.lookup(2025)[1] == "hit"
    assert report.lookup(2026)[1] == "miss"


def test_its_tags_drop_all_of_it(report, cache):
    report(2025)
    report(2026)
    cache.invalidate("reports")
    assert [report.lookup(year)[1] for year in (2025, 2026)] == ["miss", "miss"]


def test_key_makes_the_key_of_the_same_arguments(cache):
    @cached(lambda: cache, key=lambda user: f"user:{user['id']}")
    def name(user):
        return user["name"]

    assert name({"id": 7, "name": "Ada"}) == "Ada"
    assert name.key({"id": 7}) == "user:7"
    assert cache.get("user:7") == "Ada"


def test_a_long_key_of_ones_own_is_hashed(cache):
    @cached(lambda: cache, key=lambda text: text)
    def length(text):
        return len(text)

    assert length("x" * 1000) == 1000
    assert length("x" * 1001) == 1001
    assert length.lookup("x" * 1000) == (1000, "hit")


def test_a_method_is_cached_by_the_key_that_it_gives(cache):
    class User:
        def __init__(self, number):
            self.number = number

        @cached(lambda: cache, key=lambda user, greeting: f"{user.number}:{greeting}")
        def greet(self, greeting):
            return f"{greeting}, {self.number}"

    assert User(1).greet("hello") == "hello, 1"
    assert User(2).greet("hello") == "hello, 2"
    assert cache.get("1:hello") == "hello, 1"
    assert isinstance(User.greet, CachedFunction)


def test_the_cache_is_asked_for_at_each_call_and_not_before():
    caches = []

    @cached(lambda: caches[0])
    def one():
        return 1

    caches.append(DataCache(MemoryCache(10_000)))
    assert one() == 1


def test_tags_as_one_string_are_refused(cache):
    with pytest.raises(TypeError, match="give a list"):
        cached(lambda: cache, tags="users")(len)


def test_its_own_times_are_used(cache):
    @cached(lambda: cache, ttl=0)
    def never():
        return 1

    assert [never.lookup()[1] for _ in range(2)] == ["miss", "miss"]

"""The cache server stopped, killed, hung and back: latency at most, never an error or a wrong answer."""

import threading
import time

import pytest
from prometheus_client import REGISTRY

from flask_scale.cache import MISSING, DataCache, build_cache
from flask_scale.settings import Settings
from tests.support.deadline import assert_soon

#: How long a request waits for the cache server, ten times the default: a busy machine is no outage.
TIMEOUT_SECONDS = 1.0
#: What it may cost beyond its own work while that is away, in seconds; three of the default's timeouts are 0.3.
EXTRA_SECONDS = 3 * TIMEOUT_SECONDS
LOAD_SECONDS = 0.05
#: Noise of a busy machine only ever adds; so one round of these within the bound proves it.
ROUNDS = 2


def fail(server, how):
    {"stopped": server.stop, "killed": server.kill, "hung": server.pause}[how]()


def bring_back(server):
    server.resume()
    server.start()


@pytest.fixture
def make(cache_url):
    """Makes caches as the settings' defaults make them."""
    made = []

    def make(**settings):
        made.append(DataCache(build_cache(Settings(cache_url=cache_url, **settings))))
        return made[-1]

    yield make
    for cache in made:
        cache.close()


def slow_load():
    time.sleep(LOAD_SECONDS)
    return "loaded"


def timed(cache, key, load=slow_load):
    began = time.monotonic()
    answer = cache.lookup(key, load)
    return answer, time.monotonic() - began


def live(cache):
    """The cache, once it hears of drops."""
    assert_soon(lambda: cache.lookup("warm-up", lambda: 1) and cache.backend.live)
    return cache


def errors(operation):
    return REGISTRY.get_sample_value("flask_scale_cache_errors_total", {"operation": operation}) or 0.0


@pytest.mark.parametrize("how", ["stopped", "killed", "hung"])
def test_a_request_costs_little_more_without_the_server(make, cache_server, how):
    rounds = []
    for round_ in range(ROUNDS):
        bring_back(cache_server)
        cache = make(cache_timeout_seconds=TIMEOUT_SECONDS)
        assert timed(cache, f"{round_} warm-up")[0] == ("loaded", "miss")
        fail(cache_server, how)
        answers = [timed(cache, f"{round_} {number}") for number in range(5)]
        assert {answer for answer, _seconds in answers} == {("loaded", "miss")}
        rounds.append(max(seconds for _answer, seconds in answers))
    assert min(rounds) - LOAD_SECONDS <= EXTRA_SECONDS


@pytest.mark.parametrize("how", ["killed", "hung"])
def test_many_requests_at_once_cost_little_more_without_the_server(make, cache_server, how):
    rounds = []
    for round_ in range(ROUNDS):
        bring_back(cache_server)
        cache = make(cache_timeout_seconds=TIMEOUT_SECONDS)
        fail(cache_server, how)
        answers = []

        def call(number, cache=cache, answers=answers, round_=round_):
            answers.append(timed(cache, f"{round_} {number}"))

        threads = [threading.Thread(target=call, args=[number % 50]) for number in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {answer[0] for answer, _seconds in answers} == {"loaded"}
        rounds.append(max(seconds for _answer, seconds in answers))
    assert min(rounds) - LOAD_SECONDS <= EXTRA_SECONDS


@pytest.mark.parametrize("how", ["stopped", "killed", "hung"])
def test_hits_come_back_with_the_server_and_reach_other_processes(make, cache_server, how):
    cache, other = make(), make()
    fail(cache_server, how)
    cache.lookup("key", slow_load)
    bring_back(cache_server)
    assert_soon(lambda: cache.lookup("key", slow_load) and other.get("key") == "loaded")
    assert cache.lookup("key", slow_load) == ("loaded", "hit")


def test_without_the_server_a_process_still_loads_a_key_once_at_a_time_and_keeps_it(make, cache_server):
    cache = make(cache_memory_ttl_seconds=600)
    cache_server.kill()
    loads = []

    def load():
        loads.append(1)
        return slow_load()

    threads = [threading.Thread(target=cache.lookup, args=["key", load]) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.lookup("key", load) == ("loaded", "hit")
    assert len(loads) == 1


def test_without_the_server_a_value_is_trusted_for_the_memorys_time_only(make, cache_server, monkeypatch):
    cache, now = make(cache_memory_ttl_seconds=0.2), [0.0]
    monkeypatch.setattr(cache.backend._near, "_clock", lambda: now[0])
    cache_server.kill()
    assert cache.lookup("key", lambda: 1, stale=0) == (1, "miss")
    assert cache.lookup("key", lambda: 2, stale=0) == (1, "hit")
    now[0] += 0.2
    assert cache.lookup("key", lambda: 3, stale=0) == (3, "miss")


def test_without_the_server_a_process_keeps_and_drops_for_itself(make, cache_server):
    cache = make(cache_memory_ttl_seconds=600)
    cache_server.kill()
    cache.set("a", 1, tags=["users"])
    cache.set("b", 2)
    assert [cache.get(key) for key in "ab"] == [1, 2]
    cache.invalidate("users")
    cache.delete("b")
    assert [cache.get(key) for key in "ab"] == [MISSING, MISSING]


def test_a_server_that_dies_during_a_load_costs_no_error(make, cache_server):
    cache = live(make())
    assert cache.lookup("key", lambda: cache_server.kill() or "loaded") == ("loaded", "miss")
    assert cache.lookup("key", slow_load) == ("loaded", "hit")


@pytest.mark.parametrize("drop", [lambda cache: cache.delete("key"), lambda cache: cache.invalidate("users")])
def test_a_drop_that_a_hung_server_did_not_hear_is_made_up_for_when_it_wakes(make, cache_server, drop):
    cache, other = make(), make()
    cache.set("key", "old", tags=["users"])
    cache_server.pause()
    for number in range(3):
        cache.set(f"opens the breaker {number}", 1)
    drop(cache)
    cache_server.resume()
    assert_soon(lambda: other.get("key") is MISSING)


def test_a_look_up_that_a_hung_server_answers_late_holds_nobody_up(make, cache_server):
    cache, other = live(make()), make()
    cache_server.pause()
    assert cache.lookup("key", slow_load) == ("loaded", "miss")
    cache_server.resume()
    assert_soon(lambda: cache.lookup("another", slow_load) and other.get("another") == "loaded")
    began = time.monotonic()
    assert other.lookup("key", slow_load) == ("loaded", "miss")
    assert time.monotonic() - began < 5.0


def test_a_load_that_ends_while_the_server_is_skipped_holds_nobody_up(make, cache_server):
    cache, other = live(make()), make()

    def load():
        cache_server.pause()
        for number in range(2):
            cache.get(f"opens the breaker {number}")
        cache_server.resume()
        return "loaded"

    assert cache.lookup("key", load) == ("loaded", "miss")
    # Sooner than the lease of the load ends.
    assert_soon(lambda: other.backend.look_up("key", tags=[], lease_seconds=0.01).lease)


def test_what_the_server_does_not_answer_is_counted(make, cache_server):
    cache = make()
    cache_server.kill()
    before = {operation: errors(operation) for operation in ("look_up", "get", "set", "delete", "invalidate")}
    cache.lookup("key", slow_load)
    cache.get("key")
    cache.set("key", 1)
    cache.delete("key")
    cache.invalidate("users")
    assert {operation: errors(operation) - count for operation, count in before.items()} == dict.fromkeys(before, 1)

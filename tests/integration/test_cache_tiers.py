"""L1 in front of a real server: believed while news of drops comes in, and never for longer than L2 says."""

import os
import time

import pytest

from flask_scale.cache import DataCache, build_cache
from flask_scale.settings import Settings
from tests.support.deadline import assert_soon

#: L1 is trusted for longer than any test takes, so that only news of a drop can end an entry.
TRUSTED_SECONDS = 600


@pytest.fixture
def make(cache_url):
    """Makes caches with an L1 that is trusted for long."""
    made = []

    def make(**settings):
        settings = {"cache_memory_ttl_seconds": TRUSTED_SECONDS, "cache_timeout_seconds": 5.0} | settings
        made.append(DataCache(build_cache(Settings(cache_url=cache_url, **settings))))
        return made[-1]

    yield make
    for cache in made:
        cache.close()


def live(cache):
    """The cache, once it hears of drops."""
    assert_soon(lambda: cache.lookup("warm-up", lambda: 1) and cache.backend.live)
    return cache


def test_a_hit_in_memory_asks_no_server_and_one_on_the_server_asks_once(make, cache_server):
    first, second = live(make()), live(make(cache_memory_bytes=0))
    first.lookup("key", lambda: 1, tags=["a", "b"])
    second.get("key")
    with cache_server.client() as client:
        for cache, round_trips in [(first, 0), (second, 100)]:
            before = client.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"]
            assert {cache.lookup("key", lambda: 2, tags=["a", "b"]) for _ in range(100)} == {(1, "hit")}
            after = client.info("commandstats")["cmdstat_evalsha"]["calls"]
            assert after - before == round_trips


def test_a_copy_in_memory_is_fresh_no_longer_than_on_the_server(make):
    cache, other = live(make()), make()

    def copied():
        other.set("key", "old", ttl=2.0)
        return cache.lookup("key", lambda: "new") == ("old", "hit") and cache.backend.peek("key")

    assert_soon(copied)
    time.sleep(2.0)
    assert cache.lookup("key", lambda: "new") == ("new", "miss")


def test_a_copy_in_memory_is_trusted_for_the_memorys_time_only(make, cache_server):
    cache = live(make(cache_memory_ttl_seconds=0.1))
    cache.lookup("key", lambda: "old")
    with cache_server.client() as client:
        client.delete("fs:value:key")
    time.sleep(0.1)
    assert cache.lookup("key", lambda: "new") == ("new", "miss")


def test_a_tag_that_the_reader_did_not_name_drops_its_copy_too(make):
    cache, other = live(make()), make()
    other.set("key", "old", tags=["users"])
    assert_soon(lambda: cache.lookup("key", lambda: "new") == ("old", "hit") and cache.backend.peek("key"))
    other.invalidate("users")
    assert_soon(lambda: cache.lookup("key", lambda: "new") == ("new", "miss"))


def test_a_hung_server_ends_the_trust_in_memory_until_it_wakes(make, cache_server):
    cache = live(make())
    cache_server.pause()
    assert_soon(lambda: not cache.backend.live)
    cache_server.resume()
    assert_soon(lambda: cache.backend.live)


def test_memory_is_not_believed_while_news_of_drops_does_not_come_in(make, cache_server):
    cache, other = live(make()), make()
    cache.lookup("key", lambda: "old")
    with cache_server.client() as client:
        client.client_kill_filter(_type="pubsub")
    assert_soon(lambda: not cache.backend.live)
    other.set("key", "new")
    assert cache.get("key") == "new"
    assert_soon(lambda: cache.backend.live)
    assert cache.get("key") == "new"


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_hears_of_drops_through_a_connection_of_its_own(make):
    cache, other = live(make()), make()
    cache.lookup("key", lambda: "old")

    def in_child():
        cache.after_fork()
        assert not cache.backend.live
        assert_soon(lambda: cache.lookup("key", lambda: "old") and cache.backend.live)
        cache.lookup("key", lambda: "old")
        other.after_fork()
        other.set("key", "new")
        assert_soon(lambda: cache.get("key") == "new")

    assert exit_code_of(in_child) == 0
    assert_soon(lambda: cache.get("key") == "new")


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_that_nobody_announced_does_not_believe_the_parents_memory(make):
    cache = live(make())
    cache.lookup("key", lambda: "old")

    def in_child():
        assert not cache.backend.live
        assert_soon(lambda: cache.lookup("key", lambda: "old") and cache.backend.live)

    assert exit_code_of(in_child) == 0


def exit_code_of(work):
    """Run `work` in a forked child; 0 where it raised nothing."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

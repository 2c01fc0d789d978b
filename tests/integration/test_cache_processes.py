"""What the cache promises over several processes, on a real server."""

import threading
import time
from collections import Counter

import pytest

from flask_scale.cache import MISSING
from tests.support.cache_process import CacheProcess, build

PROCESSES = 4
CALLERS = 50
DROPS = 200


@pytest.fixture
def start(cache_url):
    """Starts cache processes that hear of each other's drops."""
    started = []

    def start(count, **options):
        started.extend(CacheProcess(cache_url, **options) for _ in range(count))
        for process in started:
            assert_soon(lambda process=process: process.ask("live"))
        return started

    yield start
    for process in started:
        process.kill()


@pytest.fixture
def cache(cache_url):
    cache = build(cache_url)
    yield cache
    cache.close()


def assert_soon(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


def assert_reads_soon(process, key, truth):
    """News of a drop takes a moment to the memory of another process."""
    assert_soon(lambda: process.ask("read", key=key, truth=str(truth)) == truth.read_text())


def rush(processes, key, log):
    """Every process looks the key up at the same moment; the results over all, and how many loads ran."""
    start_at = time.time() + 0.5
    for process in processes:
        process.send("rush", key=key, callers=CALLERS, start_at=start_at, load_seconds=0.3, log=str(log))
    results = sum((Counter(process.answer()) for process in processes), Counter())
    return results, len(log.read_text().splitlines())


@pytest.mark.parametrize("gevent", [False, True], ids=["threads", "gevent"])
def test_200_callers_at_once_over_4_processes_cause_one_load(start, tmp_path, gevent):
    processes = start(PROCESSES, gevent=gevent)
    for round_ in range(3):
        results, loads = rush(processes, f"key {round_}", tmp_path / f"loads {round_}")
        assert loads == 1
        assert results["loaded miss"] + results["loaded hit"] == PROCESSES * CALLERS


@pytest.mark.parametrize("gevent", [False, True], ids=["threads", "gevent"])
def test_of_200_callers_at_once_one_reloads_an_expired_value_and_the_rest_get_it_stale(start, cache, tmp_path, gevent):
    processes = start(PROCESSES, gevent=gevent)
    cache.set("key", "expired", ttl=0.001, tags=["rush"])
    results, loads = rush(processes, "key", tmp_path / "loads")
    assert loads == 1
    assert results["loaded miss"] == 1
    assert results["expired stale"] == PROCESSES * CALLERS - 1


def test_after_an_invalidation_200_callers_at_once_cause_one_load(start, cache, tmp_path):
    processes = start(PROCESSES)
    rush(processes, "key", tmp_path / "before")
    cache.invalidate("rush")
    results, loads = rush(processes, "key", tmp_path / "after")
    assert loads == 1
    assert sum(results.values()) == PROCESSES * CALLERS


def test_when_the_process_that_loads_dies_another_loads(start, cache):
    (dying,) = start(1, lease_seconds=1.0)
    dying.send("hang", key="key")
    assert dying.answer() == 0
    dying.kill()
    assert cache.lookup("key", lambda: "loaded") == ("loaded", "miss")


@pytest.mark.parametrize("drop", ["delete", "invalidate"])
def test_a_value_read_before_a_drop_is_never_kept_after_it(start, cache, tmp_path, drop):
    """The truth changes and is dropped while other processes load it: no read after sees the old one."""
    processes = start(3)
    truth = tmp_path / "truth"
    kept_stale = 0
    for round_ in range(DROPS):
        key = f"key {round_ % 5}"
        truth.write_text(f"old {round_}")
        for process in processes:
            process.send("read", key=key, truth=str(truth), load_seconds=0.01)
        time.sleep(0.002 * (round_ % 10))
        truth.write_text(f"new {round_}")
        cache.delete(key) if drop == "delete" else cache.invalidate("truth")
        for process in processes:
            process.answer()
        kept_stale += cache.get(key) == f"old {round_}"
        for process in processes:
            assert_reads_soon(process, key, truth)
        cache.delete(key)
    assert kept_stale == 0


def test_a_drop_reaches_the_memory_of_every_process(start, cache):
    processes = start(3)
    cache.set("a", 1, tags=["users"])
    cache.set("b", 2)
    for process in processes:
        assert [process.ask("peek", key=key) for key in "ab"] == [1, 2]
    cache.invalidate("users")
    cache.set("b", 3)
    assert cache.get("a") is MISSING
    for process in processes:
        assert_soon(lambda process=process: [process.ask("peek", key=key) for key in "ab"] == ["MISSING", 3])


def test_a_lease_waiter_in_another_process_gets_the_value_not_a_second_load(start, cache, tmp_path):
    (process,) = start(1)
    log = tmp_path / "loads"
    process.send("rush", key="key", callers=1, start_at=time.time(), load_seconds=1.0, log=str(log))
    assert_soon(log.exists)
    results = []
    thread = threading.Thread(target=lambda: results.append(cache.lookup("key", lambda: "own", tags=["rush"])))
    thread.start()
    thread.join()
    assert results == [("loaded", "miss")]
    assert process.answer() == {"loaded miss": 1}

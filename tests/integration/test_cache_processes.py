"""What the cache promises over several processes, on a real server."""

import time
from collections import Counter
from contextlib import contextmanager

import pytest

from tests.support.cache_process import CacheProcess, build
from tests.support.deadline import assert_soon

PROCESSES = 4
CALLERS = 50
DROPS = 200


@contextmanager
def started(server, count, **options):
    """Cache processes that hear of each other's drops."""
    server.resume()
    server.start()
    processes = [CacheProcess(server.url, **options) for _ in range(count)]
    try:
        for process in processes:
            assert_soon(lambda process=process: process.ask("live"))
        yield processes
    finally:
        for process in processes:
            process.kill()


@pytest.fixture(scope="module", params=["threads", "gevent"])
def processes(request, cache_server):
    with started(cache_server, PROCESSES, gevent=request.param == "gevent") as processes:
        yield processes


@pytest.fixture
def cache(processes, cache_server):
    """A cache of this process beside those of the others."""
    cache = build(cache_server.url)
    yield cache
    cache.invalidate("rush", "truth")
    cache.close()


def rush(processes, key, log, load_seconds=0.3):
    """Every process looks the key up at the same moment; the results over all, and how many loads ran."""
    start_at = time.time() + 0.5
    for process in processes:
        process.send("rush", key=key, callers=CALLERS, start_at=start_at, load_seconds=load_seconds, log=str(log))
    results = sum((Counter(process.answer()) for process in processes), Counter())
    return results, len(log.read_text().splitlines())


def assert_reads(process, key, truth):
    """A drop that has returned has reached the memory of every process."""
    assert process.ask("read", key=key, truth=str(truth)) == truth.read_text()


def test_200_callers_at_once_over_4_processes_cause_one_load(processes, cache, tmp_path):
    for round_ in range(3):
        results, loads = rush(processes, f"missing {round_}", tmp_path / f"loads {round_}")
        assert loads == 1
        assert results["loaded miss"] + results["loaded hit"] == PROCESSES * CALLERS


def test_of_200_callers_at_once_one_reloads_an_expired_value_and_the_rest_get_it_stale(processes, cache, tmp_path):
    cache.set("expired", "expired", ttl=0.001, tags=["rush"])
    results, loads = rush(processes, "expired", tmp_path / "loads", load_seconds=5.0)
    assert loads == 1
    assert results["loaded miss"] == 1
    assert results["expired stale"] == PROCESSES * CALLERS - 1


def test_after_an_invalidation_200_callers_at_once_cause_one_load(processes, cache, tmp_path):
    rush(processes, "invalidated", tmp_path / "before")
    cache.invalidate("rush")
    results, loads = rush(processes, "invalidated", tmp_path / "after")
    assert loads == 1
    assert sum(results.values()) == PROCESSES * CALLERS


@pytest.mark.parametrize("drop", ["delete", "invalidate"])
def test_a_value_read_before_a_drop_is_never_kept_after_it(processes, cache, tmp_path, drop):
    """The truth changes and is dropped while other processes load it: no read after sees the old one."""
    truth = tmp_path / "truth"
    kept_stale = 0
    for round_ in range(DROPS):
        key = f"dropped {round_ % 5}"
        truth.write_text(f"old {round_}")
        for process in processes[:3]:
            process.send("read", key=key, truth=str(truth), load_seconds=0.01)
        time.sleep(0.002 * (round_ % 10))
        truth.write_text(f"new {round_}")
        cache.delete(key) if drop == "delete" else cache.invalidate("truth")
        for process in processes[:3]:
            process.answer()
        kept_stale += cache.get(key) == f"old {round_}"
        for process in processes[:3]:
            assert_reads(process, key, truth)
        cache.delete(key)
    assert kept_stale == 0


def test_a_drop_reaches_the_memory_of_every_process(processes, cache, tmp_path):
    truth = tmp_path / "truth"
    for drop in (cache.invalidate, cache.delete, cache.set):
        truth.write_text(f"before {drop.__name__}")
        cache.delete("news")
        for process in processes:
            assert_reads(process, "news", truth)
            process.ask("read", key="news", truth=str(truth))
        truth.write_text(f"after {drop.__name__}")
        drop(*{"invalidate": ["truth"], "delete": ["news"], "set": ["news", truth.read_text()]}[drop.__name__])
        for process in processes:
            assert_reads(process, "news", truth)


def test_who_waits_for_another_processs_load_gets_its_value(processes, cache, tmp_path):
    log = tmp_path / "loads"
    processes[0].send("rush", key="waited", callers=1, start_at=time.time(), load_seconds=5.0, log=str(log))
    assert_soon(log.exists)
    assert cache.lookup("waited", lambda: "own", tags=["rush"]) == ("loaded", "miss")
    assert processes[0].answer() == {"loaded miss": 1}


def test_when_the_process_that_loads_dies_another_loads(cache, cache_server):
    with started(cache_server, 1, lease_seconds=1.0) as (dying,):
        dying.send("hang", key="orphaned")
        assert dying.answer() == 0
    assert cache.lookup("orphaned", lambda: "loaded") == ("loaded", "miss")
    cache.delete("orphaned")

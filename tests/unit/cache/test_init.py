"""The settings choose the cache."""

import time

import pytest
from flask import Flask

from flask_scale import cache
from flask_scale.cache.memory import MemoryCache
from flask_scale.cache.null import NullCache
from flask_scale.cache.tiered import TieredCache
from flask_scale.settings import Settings
from flask_scale.state import State


@pytest.mark.parametrize(
    ("settings", "kind", "part"),
    [
        ({"cache_url": "redis://127.0.0.1:1/0"}, TieredCache, "on"),
        ({"cache_url": "redis://127.0.0.1:1/0", "cache_memory_bytes": 0}, TieredCache, "on"),
        ({}, MemoryCache, "on, in each process's memory: FLASK_SCALE_CACHE_URL is not set"),
        (
            {"cache_memory_bytes": 0},
            NullCache,
            "off: FLASK_SCALE_CACHE_URL is not set and FLASK_SCALE_CACHE_MEMORY_BYTES is 0",
        ),
    ],
)
def test_the_settings_choose_the_cache_and_the_part_says_which(settings, kind, part):
    state = State(Settings(**settings))
    assert isinstance(cache.build_cache(state.settings), kind)
    cache.init_app(Flask(__name__), state)
    assert state.parts["cache"] == part
    state.cache.close()


def test_the_settings_give_the_times():
    state = State(Settings(cache_ttl_seconds=0.001, cache_stale_seconds=0))
    cache.init_app(Flask(__name__), state)
    state.cache.set("short", 1)
    state.cache.set("long", 1, ttl=100)
    time.sleep(0.01)
    assert [state.cache.get(key) for key in ("short", "long")] == [cache.MISSING, 1]


def test_a_loader_is_given_the_settings_lease():
    app, state = Flask(__name__), State(Settings(cache_lease_seconds=7))

    cache.init_app(app, state)

    assert state.cache._reader._lease_seconds == 7
    assert state.cache._reader._wait_seconds == 7

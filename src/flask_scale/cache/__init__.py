"""Caching: values by key in a process's memory (L1) and on Redis or Valkey (L2).

`DataCache` is what an app uses, `cached` how it usually does. `contract.py` is what a backend promises.
"""

from flask import Flask

from flask_scale.cache.contract import Cache
from flask_scale.cache.data import MISSING, DataCache, Missing
from flask_scale.cache.flight import Result
from flask_scale.cache.function import CachedFunction, cached
from flask_scale.cache.memory import MemoryCache
from flask_scale.cache.null import NullCache
from flask_scale.cache.redis import RedisCache
from flask_scale.cache.stored import revive
from flask_scale.cache.tiered import TieredCache
from flask_scale.settings import Settings
from flask_scale.state import State

__all__ = ["MISSING", "CachedFunction", "DataCache", "Missing", "Result", "build_cache", "cached", "init_app"]


def init_app(app: Flask, state: State) -> None:
    """Build the data cache. It connects at first use."""
    settings = state.settings
    state.cache = DataCache(
        build_cache(settings),
        ttl=settings.cache_ttl_seconds,
        stale=settings.cache_stale_seconds,
        lease_seconds=settings.cache_lease_seconds,
        wait_seconds=settings.cache_lease_seconds,
    )
    state.parts["cache"] = _part(settings)


def build_cache(settings: Settings) -> Cache:
    """Choose by the settings: L1 over L2, a process's memory alone, or none."""
    if settings.cache_url is not None:
        shared = RedisCache(
            settings.cache_url,
            prefix=settings.cache_prefix,
            timeout=settings.cache_timeout_seconds,
            revive=revive,
        )
        near = MemoryCache(settings.cache_memory_bytes)
        return TieredCache(near, shared, near_ttl=settings.cache_memory_ttl_seconds)
    return MemoryCache(settings.cache_memory_bytes) if settings.cache_memory_bytes else NullCache()


def _part(settings: Settings) -> str:
    if settings.cache_url is not None:
        return "on"
    if settings.cache_memory_bytes:
        return "on, in each process's memory: FLASK_SCALE_CACHE_URL is not set"
    return "off: FLASK_SCALE_CACHE_URL is not set and FLASK_SCALE_CACHE_MEMORY_BYTES is 0"

"""Two caches as one: a process's own memory (L1) in front of the one that processes share (L2).

Failure policy: fail open. Where the shared cache does not answer, this process goes on with its own:
single flight, stale values and drops then hold within the process, and a value is trusted for at most
`near_ttl` seconds before it is loaded anew. Nothing here raises CacheUnavailable.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from redis.client import PubSub

from flask_scale.cache.contract import Entry, Found, Lease
from flask_scale.cache.drops import Drops
from flask_scale.cache.listener import Listener
from flask_scale.cache.memory import MemoryCache
from flask_scale.cache.redis import RedisCache
from flask_scale.errors import CacheUnavailable


class TieredCache:
    """L1 answers without a round trip while the news of others' drops comes in; else L2 is asked first.

    `near_ttl`: longest time in seconds that L1 is trusted.
    """

    def __init__(self, near: MemoryCache, shared: RedisCache, *, near_ttl: float) -> None:
        self._near = near
        self._shared = shared
        self._near_ttl = near_ttl
        self._listener = Listener(self._subscribe, on_drops=self._hear, on_live=self._near.clear, on_quiet=self._settle)

    @property
    def live(self) -> bool:
        """True while L1 hears of every drop in other processes."""
        return self._listener.live

    def peek(self, key: str) -> Entry | None:
        return self._near.peek(key) if self._listener.live else None

    def standing(self) -> int | None:
        return self._near.standing() if self._listener.live else None

    def get(self, key: str) -> Entry | None:
        try:
            return self.peek(key) or self._shared.get(key)
        except CacheUnavailable:
            return self._near.get(key)

    def set(self, key: str, value: bytes, *, ttl: float, stale: float = 0.0, tags: Collection[str] = ()) -> None:
        self._near.set(key, value, ttl=min(ttl, self._near_ttl), stale=stale, tags=tags)
        with self._made_up_for():
            self._shared.set(key, value, ttl=ttl, stale=stale, tags=tags)
            self._near.delete(key)

    def delete(self, key: str) -> None:
        with self._made_up_for():
            self._shared.delete(key)
        self._near.delete(key)

    def invalidate(self, tags: Collection[str]) -> None:
        with self._made_up_for():
            self._shared.invalidate(tags)
        self._near.invalidate(tags)

    def look_up(self, key: str, *, tags: Collection[str], lease_seconds: float) -> Found:
        self._listener.start()
        watch = self._near.watch(key)
        try:
            found = self._shared.look_up(key, tags=tags, lease_seconds=lease_seconds)
        except BaseException as error:
            self._near.release(watch)
            if not isinstance(error, CacheUnavailable):
                raise
            return self._near.look_up(key, tags=tags, lease_seconds=lease_seconds)
        if found.lease is not None:
            return Found(found.entry, replace(watch, shared=found.lease))
        self._copy(watch, found.entry)
        return found

    def store(self, lease: Lease, value: bytes, *, ttl: float, stale: float = 0.0) -> bool:
        kept = self._store_shared(lease.shared, value, ttl, stale)
        if kept is False:
            self._near.release(lease)
            return False
        tags = lease.shared.generations if lease.shared else None
        return self._near.store(lease, value, ttl=min(ttl, self._near_ttl), stale=stale, tags=tags) or kept is True

    def release(self, lease: Lease) -> None:
        self._near.release(lease)
        if lease.shared is not None:
            with suppress(CacheUnavailable):
                self._shared.release(lease.shared)

    def after_fork(self) -> None:
        self._near.after_fork()
        self._shared.after_fork()

    def close(self) -> None:
        self._listener.close()
        self._shared.close()
        self._near.close()

    @contextmanager
    def _made_up_for(self) -> Iterator[None]:
        """A drop that the server does not answer is owed; the listener's thread sends it once it does."""
        try:
            yield
        except CacheUnavailable:
            self._listener.start()

    def _store_shared(self, lease: Lease | None, value: bytes, ttl: float, stale: float) -> bool | None:
        """What the shared cache says; None where it was not asked or did not answer."""
        try:
            return self._shared.store(lease, value, ttl=ttl, stale=stale) if lease else None
        except CacheUnavailable:
            return None

    def _copy(self, watch: Lease, entry: Entry | None) -> None:
        """Keep in L1 what L2 gave, unless it was dropped on the way here."""
        if entry is None or entry.fresh_for <= 0:
            self._near.release(watch)
            return
        ttl = min(entry.fresh_for, self._near_ttl)
        self._near.store(watch, entry.value, ttl=ttl, stale=entry.gone_in - entry.fresh_for, tags=entry.tags)

    def _subscribe(self) -> PubSub:
        subscription = PubSub(self._shared.client.connection_pool)
        subscription.subscribe(self._shared.channel)
        return subscription

    def _hear(self, drops: Drops) -> None:
        for key in drops.keys:
            self._near.delete(key)
        self._near.invalidate(drops.tags)
        self._shared.heard(drops.receipt)

    def _settle(self) -> None:
        with suppress(CacheUnavailable):
            self._shared.settle()

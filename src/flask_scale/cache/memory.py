"""The cache of one process, bounded in bytes: L1 of the tiered cache, or all there is without a server.

Failure policy: it has no way to fail. What does not fit is not kept; the least recently used goes first.
"""

import secrets
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from cachetools import LRUCache

from flask_scale.cache.contract import Entry, Found, Lease, check_names

#: What an entry costs beside its key and value, in bytes: the objects around them, roughly.
ENTRY_OVERHEAD_BYTES = 300


@dataclass(frozen=True, slots=True)
class _Kept:
    value: bytes
    fresh_until: float
    gone_at: float
    tags: Collection[str]
    size: int


@dataclass(slots=True)
class _Load:
    key: str
    #: None: not known, so that any invalidation voids the load.
    tags: Collection[str] | None


class _Shelf(LRUCache[str, _Kept]):
    """Entries by key, the least recently used out first, with an index by tag."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(max_bytes, getsizeof=lambda kept: kept.size)
        self._keys: dict[str, set[str]] = {}

    def put(self, key: str, kept: _Kept) -> None:
        self.pop(key, None)
        if kept.size > self.maxsize:
            return
        self[key] = kept
        for tag in kept.tags:
            self._keys.setdefault(tag, set()).add(key)

    def drop_tag(self, tag: str) -> None:
        for key in list(self._keys.get(tag, ())):
            del self[key]

    def __delitem__(self, key: str) -> None:
        kept = self[key]
        super().__delitem__(key)
        for tag in kept.tags:
            keys = self._keys[tag]
            keys.discard(key)
            if not keys:
                del self._keys[tag]


class MemoryCache:
    """Entries of this process alone, at most `max_bytes` of them; safe for threads and greenlets.

    `clock` gives seconds; tests hand in one that they can turn.
    """

    def __init__(self, max_bytes: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_bytes = max_bytes
        self._clock = clock
        self.after_fork()

    def after_fork(self) -> None:
        self._changes = 0
        self._lock = threading.RLock()
        self._shelf = _Shelf(self._max_bytes)
        self._loads: dict[str, _Load] = {}
        self._leases: dict[str, tuple[str, float]] = {}

    def close(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Drop everything, as one invalidation of all there is."""
        with self._lock:
            self._changes += 1
            self._shelf = _Shelf(self._max_bytes)
            self._loads.clear()
            self._leases.clear()

    def peek(self, key: str) -> Entry | None:
        entry = self.get(key)
        return entry if entry is not None and entry.fresh_for > 0 else None

    def standing(self) -> int | None:
        return self._changes

    def get(self, key: str) -> Entry | None:
        check_names(key)
        with self._lock:
            return self._read(key)

    def set(self, key: str, value: bytes, *, ttl: float, stale: float = 0.0, tags: Collection[str] = ()) -> None:
        check_names(key, *tags)
        with self._lock:
            self._drop(lambda load: load.key == key)
            self._keep(key, value, ttl, stale, tags)

    def delete(self, key: str) -> None:
        check_names(key)
        with self._lock:
            self._changes += 1
            self._drop(lambda load: load.key == key)
            self._shelf.pop(key, None)

    def invalidate(self, tags: Collection[str]) -> None:
        check_names(*tags)
        with self._lock:
            self._changes += 1
            self._drop(lambda load: load.tags is None or not set(tags).isdisjoint(load.tags))
            for tag in tags:
                self._shelf.drop_tag(tag)

    def look_up(self, key: str, *, tags: Collection[str], lease_seconds: float) -> Found:
        check_names(key, *tags)
        with self._lock:
            entry = self._read(key)
            now = self._clock()
            if (entry is not None and entry.fresh_for > 0) or self._leases.get(key, ("", now))[1] > now:
                return Found(entry, None)
            lease = self.watch(key, tags)
            self._leases[key] = (lease.token, now + lease_seconds)
            return Found(entry, lease)

    def watch(self, key: str, tags: Collection[str] | None = None) -> Lease:
        """Begin to watch for drops of `key` and `tags` (None: of any tag), beside whoever else loads it.

        End it with `store` or `release`, as any lease.
        """
        lease = Lease(key, secrets.token_hex(8))
        with self._lock:
            self._loads[lease.token] = _Load(key, tags)
        return lease

    def store(
        self, lease: Lease, value: bytes, *, ttl: float, stale: float = 0.0, tags: Collection[str] | None = None
    ) -> bool:
        with self._lock:
            load = self._end(lease)
            if load is None:
                return False
            self._drop(lambda other: other.key == lease.key)
            self._keep(lease.key, value, ttl, stale, (load.tags or ()) if tags is None else tags)
            return True

    def release(self, lease: Lease) -> None:
        with self._lock:
            self._end(lease)

    def _read(self, key: str) -> Entry | None:
        kept = self._shelf.get(key)
        if kept is None:
            return None
        now = self._clock()
        if kept.gone_at <= now:
            del self._shelf[key]
            return None
        return Entry(kept.value, kept.fresh_until - now, kept.gone_at - now, kept.tags)

    def _keep(self, key: str, value: bytes, ttl: float, stale: float, tags: Collection[str]) -> None:
        self._changes += 1
        if ttl <= 0:
            self._shelf.pop(key, None)
            return
        now = self._clock()
        size = len(key) + len(value) + ENTRY_OVERHEAD_BYTES + getattr(value, "overhead", 0)
        self._shelf.put(key, _Kept(value, now + ttl, now + ttl + stale, tuple(dict.fromkeys(tags)), size))

    def _drop(self, matches: Callable[[_Load], bool]) -> None:
        for token, load in list(self._loads.items()):
            if matches(load):
                del self._loads[token]
                self._end_lease(load.key, token)

    def _end(self, lease: Lease) -> _Load | None:
        self._end_lease(lease.key, lease.token)
        return self._loads.pop(lease.token, None)

    def _end_lease(self, key: str, token: str) -> None:
        if self._leases.get(key, ("", 0.0))[0] == token:
            del self._leases[key]

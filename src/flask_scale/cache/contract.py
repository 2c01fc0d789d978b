"""What every cache promises, and the one way it may fail.

`memory.py`, `redis.py`, `tiered.py` and `null.py` keep the promise;
`flask_scale.testing.cache.CacheConformance` checks it on each.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from flask_scale.errors import KeyTooLong

#: Longest key or tag a cache takes, in bytes of UTF-8 and without the prefix.
MAX_KEY_BYTES = 250


@dataclass(frozen=True, slots=True)
class Entry:
    """A value that was kept. It is fresh for `fresh_for` seconds (0 or less: stale) and gone in `gone_in`."""

    value: bytes
    fresh_for: float
    gone_in: float
    tags: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to load a key, and what `store` needs to see that nothing was dropped since the load began."""

    key: str
    token: str
    #: What stood for the key when the load began; a delete or set removes it.
    version: str = ""
    #: What stood for each tag when the load began; an invalidation removes it.
    generations: Mapping[str, str] = field(default_factory=dict)
    #: The same load's lease in the shared cache, where a near and a shared one are composed.
    shared: "Lease | None" = None


class Found(NamedTuple):
    """What a look-up met: an entry, fresh or stale, and the lease where the caller is the one to load."""

    entry: Entry | None
    lease: Lease | None


class Cache(Protocol):
    """Bytes by key: fresh for a time, then stale for a time, then gone.

    Choose `TieredCache` where processes share entries, `MemoryCache` where one process is all
    there is, and `NullCache` to switch caching off without touching a caller. `RedisCache` alone
    raises `CacheUnavailable`; `TieredCache` over it never does.

    Every method that takes a key or tag raises KeyTooLong for one over `MAX_KEY_BYTES`.
    """

    def peek(self, key: str) -> Entry | None:
        """Return a fresh entry that this process holds itself and may trust; never waits for a server."""
        ...

    def standing(self) -> int | None:
        """Return a number that is another one after any change to what `peek` returns; None where that is nothing.

        While it stays, an entry that `peek` gave is what it would give again, for as long as the entry is fresh.
        """
        ...

    def get(self, key: str) -> Entry | None:
        """Return the entry, fresh or stale, or None where there is none.

        Raises:
            CacheUnavailable: no answer within the timeout.
        """
        ...

    def set(self, key: str, value: bytes, *, ttl: float, stale: float = 0.0, tags: Collection[str] = ()) -> None:
        """Keep `value` fresh for `ttl` seconds and stale for `stale` more; `ttl` of 0 or less keeps nothing.

        A load that began before is not stored after it.

        Raises:
            CacheUnavailable: no answer within the timeout.
        """
        ...

    def delete(self, key: str) -> None:
        """Drop the entry; a load of it that began before is not stored.

        Raises:
            CacheUnavailable: no answer within the timeout. The drop is made up for once the server answers.
        """
        ...

    def invalidate(self, tags: Collection[str]) -> None:
        """Drop every entry with one of `tags`; a load with one of them that began before is not stored.

        Raises:
            CacheUnavailable: no answer within the timeout. The drop is made up for once the server answers.
        """
        ...

    def look_up(self, key: str, *, tags: Collection[str], lease_seconds: float) -> Found:
        """Return what is there and, where that is not fresh and nobody holds it, the lease to load it.

        Whoever gets a lease ends it with `store` or `release`; else it ends after `lease_seconds`
        and the next look-up gets one. No lease and no entry means: another loads, look again soon.

        Raises:
            CacheUnavailable: no answer within the timeout.
        """
        ...

    def store(self, lease: Lease, value: bytes, *, ttl: float, stale: float = 0.0) -> bool:
        """Keep what was loaded, unless the key or a tag was dropped or set since; True where it was not.

        Ends the lease. A lease that ran out may still store.

        Raises:
            CacheUnavailable: no answer within the timeout.
        """
        ...

    def release(self, lease: Lease) -> None:
        """End the lease without a value; the next look-up gets one at once.

        Raises:
            CacheUnavailable: no answer within the timeout.
        """
        ...

    def after_fork(self) -> None:
        """Forget connections, threads, locks and entries inherited from the parent."""
        ...

    def close(self) -> None:
        """Close connections and end threads."""
        ...


def check_names(*names: str) -> None:
    """Refuse a key or tag that is too long.

    Raises:
        KeyTooLong: one is over `MAX_KEY_BYTES`.
    """
    for name in names:
        if len(name) * 4 > MAX_KEY_BYTES and len(name.encode("utf-8", "surrogatepass")) > MAX_KEY_BYTES:
            raise KeyTooLong(f"{name[:40]!r}... is over {MAX_KEY_BYTES} bytes; hash its variable part")

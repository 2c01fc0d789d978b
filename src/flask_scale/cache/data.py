"""The data cache: JSON values by key, read through, with one load a key over all processes.

Failure policy: fail open, as `read_through.py` says.
"""

from collections.abc import Callable, Collection
from enum import Enum
from typing import Any, Final

from flask_scale.cache.codec import decode, encode
from flask_scale.cache.contract import Cache
from flask_scale.cache.flight import Result
from flask_scale.cache.read_through import LEASE_SECONDS, WAIT_SECONDS, Loaded, ReadThrough, Wanted, jittered
from flask_scale.metrics.instruments import instruments


class Missing(Enum):
    """The type of `MISSING`; a cached None is a value."""

    MISSING = "MISSING"

    def __bool__(self) -> bool:
        return False


#: What `get` returns where there is no fresh value.
MISSING: Final = Missing.MISSING


class DataCache:
    """JSON values by key; what a miss gives equals what a hit gives, and is the caller's own copy.

    Times are in seconds. A value is fresh for `ttl`, less up to a tenth at random, then stale for
    `stale`: the first who finds it stale loads it anew, in their own request and app context, while
    all others get the stale value; they get it too when that load fails. After that it is a miss: one
    caller over all processes loads, the others wait for it.

    A tag groups keys for `invalidate`. Keys and tags are at most 250 bytes (KeyTooLong).
    """

    def __init__(
        self,
        cache: Cache,
        *,
        ttl: float = 300.0,
        stale: float = 30.0,
        lease_seconds: float = LEASE_SECONDS,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        #: Where the values lie; what else caches in this app lies there too.
        self.backend = cache
        self._ttl = ttl
        self._stale = stale
        self._reader = ReadThrough(cache, lease_seconds=lease_seconds, wait_seconds=wait_seconds)

    def get(self, key: str) -> Any:
        """Return the fresh value, or `MISSING`."""
        entry = self.backend.get(key)
        if entry is None or entry.fresh_for <= 0:
            _count("miss")
            return MISSING
        _count("hit")
        return decode(entry.value)

    def set(self, key: str, value: Any, *, ttl: float | None = None, tags: Collection[str] = ()) -> None:
        """Keep `value`; a load that began before does not replace it. `ttl` of 0 keeps nothing.

        Raises:
            NotCacheable: JSON cannot carry the value.
        """
        _check_tags(tags)
        ttl = self._ttl if ttl is None else ttl
        self.backend.set(key, encode(key, value), ttl=jittered(ttl), stale=self._stale, tags=tags)

    def delete(self, key: str) -> None:
        """Drop the value in every process; a load that began before is not kept."""
        self.backend.delete(key)

    def invalidate(self, *tags: str) -> None:
        """Drop every value with one of `tags` in every process; loads that began before are not kept."""
        self.backend.invalidate(tags)

    def get_or_load(
        self,
        key: str,
        load: Callable[[], Any],
        *,
        ttl: float | None = None,
        stale: float | None = None,
        tags: Collection[str] = (),
    ) -> Any:
        """Return the value, from `load` where none is kept.

        What `load` raises propagates and is not kept, unless a stale value can be given instead.
        An HTTPException under 500 (`abort(404)`) is an answer: it propagates always.

        Raises:
            NotCacheable: JSON cannot carry what `load` returned.
        """
        return self.lookup(key, load, ttl=ttl, stale=stale, tags=tags)[0]

    def lookup(
        self,
        key: str,
        load: Callable[[], Any],
        *,
        ttl: float | None = None,
        stale: float | None = None,
        tags: Collection[str] = (),
    ) -> tuple[Any, Result]:
        """As `get_or_load`, and say whether it was a "hit", "stale", or a "miss" (loaded or waited for)."""
        _check_tags(tags)
        ttl = self._ttl if ttl is None else ttl
        stale = self._stale if stale is None else stale
        value, result = self._reader.answer(Wanted(key, lambda: Loaded(encode(key, load()), ttl, stale), tags))
        _count(result)
        return decode(value), result

    def after_fork(self) -> None:
        """Start afresh in a forked process: connections, threads and locks of its own, no entries."""
        self._reader.after_fork()
        self.backend.after_fork()

    def close(self) -> None:
        """Close connections and end threads."""
        self.backend.close()


def _count(result: Result) -> None:
    instruments().cache_requests.labels(result).inc()


def _check_tags(tags: Collection[str]) -> None:
    if isinstance(tags, str):
        raise TypeError(f"tags={tags!r} is a string; give a list: tags=[{tags!r}]")

"""The data cache: JSON values by key, read through, with one load a key over all processes.

Failure policy: fail open. Without a cache server each process loads for itself, once a key at a time,
and keeps values for `cache_memory_ttl_seconds`; the database carries that load until the server is back.
"""

import random
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from werkzeug.exceptions import HTTPException

from flask_scale.cache.codec import decode, encode
from flask_scale.cache.contract import Cache, Entry, Lease
from flask_scale.cache.flight import Answer, Flight, Flights, Result
from flask_scale.errors import NotCacheable
from flask_scale.metrics.instruments import instruments

#: A loader that is silent for this long, in seconds, is taken for dead and another loads.
LEASE_SECONDS = 30.0
#: Longest wait for others' loads, in seconds; then the caller loads for itself, without keeping the value.
WAIT_SECONDS = 30.0
#: A TTL is shortened by a random part, at most this, so that keys kept together do not end together.
TTL_JITTER = 0.1
#: Pauses between looks while another process loads, in seconds: the first, the last, and how they grow.
FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS, PAUSE_GROWTH = 0.005, 0.05, 1.5


class Missing(Enum):
    """The type of `MISSING`; a cached None is a value."""

    MISSING = "MISSING"

    def __bool__(self) -> bool:
        return False


#: What `get` returns where there is no fresh value.
MISSING: Final = Missing.MISSING


@dataclass(frozen=True, slots=True)
class _Wanted:
    key: str
    load: Callable[[], Any]
    ttl: float
    stale: float
    tags: Collection[str]

    def value(self) -> bytes:
        return encode(self.key, self.load())


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
        self._cache = cache
        self._ttl = ttl
        self._stale = stale
        self._lease_seconds = lease_seconds
        self._wait_seconds = wait_seconds
        self._flights = Flights()

    def get(self, key: str) -> Any:
        """Return the fresh value, or `MISSING`."""
        entry = self._cache.get(key)
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
        self._cache.set(key, encode(key, value), ttl=_jittered(ttl), stale=self._stale, tags=tags)

    def delete(self, key: str) -> None:
        """Drop the value in every process; a load that began before is not kept."""
        self._cache.delete(key)

    def invalidate(self, *tags: str) -> None:
        """Drop every value with one of `tags` in every process; loads that began before are not kept."""
        self._cache.invalidate(tags)

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
        value, result = self._answer(_Wanted(key, load, ttl, stale, tags))
        _count(result)
        return decode(value), result

    def after_fork(self) -> None:
        """Start afresh in a forked process: connections, threads and locks of its own, no entries."""
        self._flights = Flights()
        self._cache.after_fork()

    def close(self) -> None:
        """Close connections and end threads."""
        self._cache.close()

    def _answer(self, wanted: _Wanted) -> Answer:
        entry = self._cache.peek(wanted.key)
        while entry is None:
            flight, leads = self._flights.join(wanted.key)
            if leads:
                return self._lead_and_land(flight, wanted)
            answer = self._follow(flight, wanted)
            if answer is not None:
                return answer
            entry = self._cache.peek(wanted.key)
        return Answer(entry.value, "hit")

    def _follow(self, flight: Flight, wanted: _Wanted) -> Answer | None:
        if not flight.wait(self._wait_seconds):
            return Answer(self._load_counted(wanted), "miss")
        if flight.loaded:
            instruments().cache_lease_waits.inc()
        return flight.answer()

    def _lead_and_land(self, flight: Flight, wanted: _Wanted) -> Answer:
        try:
            return self._lead(flight, wanted)
        finally:
            self._flights.land(wanted.key, flight)

    def _lead(self, flight: Flight, wanted: _Wanted) -> Answer:
        give_up_at = time.monotonic() + self._wait_seconds
        pause = 0.0
        while time.monotonic() < give_up_at:
            entry, lease = self._cache.look_up(wanted.key, tags=wanted.tags, lease_seconds=self._lease_seconds)
            if lease is not None:
                return self._load(flight, wanted, lease, entry)
            if entry is not None:
                found: Result = "stale" if entry.fresh_for <= 0 else "miss" if pause else "hit"
                answer = Answer(entry.value, found)
                self._flights.land(wanted.key, flight, answer)
                return answer
            if not pause:
                instruments().cache_lease_waits.inc()
            pause = min(max(pause * PAUSE_GROWTH, FIRST_PAUSE_SECONDS), LAST_PAUSE_SECONDS)
            time.sleep(pause)
        return Answer(self._load_counted(wanted), "miss")

    def _load(self, flight: Flight, wanted: _Wanted, lease: Lease, entry: Entry | None) -> Answer:
        if entry is not None:
            self._flights.land(wanted.key, flight, Answer(entry.value, "stale"))
        try:
            value = self._load_counted(wanted)
        except BaseException as error:
            self._cache.release(lease)
            if entry is not None and _is_failure(error):
                return Answer(entry.value, "stale")
            if isinstance(error, Exception):
                self._flights.land(wanted.key, flight, error=error)
            raise
        if self._cache.store(lease, value, ttl=_jittered(wanted.ttl), stale=wanted.stale):
            self._flights.land(wanted.key, flight, Answer(value, "miss"))
        return Answer(value, "miss")

    @staticmethod
    def _load_counted(wanted: _Wanted) -> bytes:
        try:
            value = wanted.value()
        except BaseException:
            instruments().cache_loads.labels("error").inc()
            raise
        instruments().cache_loads.labels("ok").inc()
        return value


def _is_failure(error: BaseException) -> bool:
    if isinstance(error, HTTPException):
        return (error.code or 500) >= 500
    return isinstance(error, Exception) and not isinstance(error, NotCacheable)


def _jittered(ttl: float) -> float:
    return ttl * (1 - random.uniform(0, TTL_JITTER))  # noqa: S311


def _count(result: Result) -> None:
    instruments().cache_requests.labels(result).inc()


def _check_tags(tags: Collection[str]) -> None:
    if isinstance(tags, str):
        raise TypeError(f"tags={tags!r} is a string; give a list: tags=[{tags!r}]")

"""Reading through: what is kept, else one load a key over all processes.

Failure policy: fail open. Without a cache server each process loads for itself, once a key at a time,
and keeps values for `cache_memory_ttl_seconds`; the database carries that load until the server is back.
"""

import random
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

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


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load gave. Times are in seconds: fresh for `ttl` (0: not kept), then stale for `stale`."""

    value: bytes
    ttl: float
    stale: float = 0.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """A key, and how its value is come by where none is kept.

    What `load` raises propagates to all who wait for it, unless a stale value can be given instead.
    An HTTPException under 500 (`abort(404)`) and NotCacheable are answers: they propagate always.
    """

    key: str
    load: Callable[[], Loaded]
    tags: Collection[str] = ()


class ReadThrough:
    """Values by key over a cache: whoever finds none loads it, all others wait for that load.

    The first who finds a value stale loads it anew, all others get the stale one.
    """

    def __init__(
        self, cache: Cache, *, lease_seconds: float = LEASE_SECONDS, wait_seconds: float = WAIT_SECONDS
    ) -> None:
        self.cache = cache
        self._lease_seconds = lease_seconds
        self._wait_seconds = wait_seconds
        self._flights = Flights()

    def answer(self, wanted: Wanted) -> Answer:
        """Return the value, and whether it was a "hit", "stale", or a "miss" (loaded or waited for)."""
        entry = self.cache.peek(wanted.key)
        while entry is None:
            flight, leads = self._flights.join(wanted.key)
            if leads:
                return self._lead_and_land(flight, wanted)
            answer = self._follow(flight, wanted)
            if answer is not None:
                return answer
            entry = self.cache.peek(wanted.key)
        return Answer(entry.value, "hit")

    def after_fork(self) -> None:
        """Start afresh in a forked process; the cache itself has an `after_fork` of its own."""
        self._flights = Flights()

    def _follow(self, flight: Flight, wanted: Wanted) -> Answer | None:
        if not flight.wait(self._wait_seconds):
            return Answer(_load_counted(wanted).value, "miss")
        if flight.loaded:
            instruments().cache_lease_waits.inc()
        return flight.answer()

    def _lead_and_land(self, flight: Flight, wanted: Wanted) -> Answer:
        try:
            return self._lead(flight, wanted)
        finally:
            self._flights.land(wanted.key, flight)

    def _lead(self, flight: Flight, wanted: Wanted) -> Answer:
        give_up_at = time.monotonic() + self._wait_seconds
        pause = 0.0
        while time.monotonic() < give_up_at:
            entry, lease = self.cache.look_up(wanted.key, tags=wanted.tags, lease_seconds=self._lease_seconds)
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
        return Answer(_load_counted(wanted).value, "miss")

    def _load(self, flight: Flight, wanted: Wanted, lease: Lease, entry: Entry | None) -> Answer:
        if entry is not None:
            self._flights.land(wanted.key, flight, Answer(entry.value, "stale"))
        try:
            loaded = _load_counted(wanted)
        except BaseException as error:
            self.cache.release(lease)
            if entry is not None and _is_failure(error):
                return Answer(entry.value, "stale")
            if isinstance(error, Exception):
                self._flights.land(wanted.key, flight, error=error)
            raise
        answer = Answer(loaded.value, "miss")
        if self.cache.store(lease, loaded.value, ttl=jittered(loaded.ttl), stale=loaded.stale):
            self._flights.land(wanted.key, flight, answer)
        return answer


def jittered(ttl: float) -> float:
    """A TTL shortened by a random part."""
    return ttl * (1 - random.uniform(0, TTL_JITTER))  # noqa: S311


def _load_counted(wanted: Wanted) -> Loaded:
    try:
        loaded = wanted.load()
    except BaseException:
        instruments().cache_loads.labels("error").inc()
        raise
    instruments().cache_loads.labels("ok").inc()
    return loaded


def _is_failure(error: BaseException) -> bool:
    if isinstance(error, HTTPException):
        answered = error.response.status_code if isinstance(error.response, Response) else error.code
        return answered is None or answered >= 500
    return isinstance(error, Exception) and not isinstance(error, NotCacheable)

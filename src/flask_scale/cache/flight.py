"""One load a key in a process: the first caller leads, the others take what it shares."""

import threading
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Result = Literal["hit", "stale", "miss"]


class Answer(NamedTuple):
    """A value as JSON bytes, and how it was come by."""

    value: bytes
    result: Result


@dataclass(slots=True, eq=False)
class Flight:
    """What the leader of one key does for its followers."""

    _landed: threading.Event = field(default_factory=threading.Event)
    _answer: Answer | None = None
    _error: Exception | None = None

    def land(self, answer: Answer | None = None, error: Exception | None = None) -> None:
        """Let the followers go on: with the answer, the error, or neither to try for themselves. The first counts."""
        if not self._landed.is_set():
            self._answer, self._error = answer, error
            self._landed.set()

    def wait(self, timeout: float) -> bool:
        """Wait for the landing; False where it takes over `timeout` seconds."""
        return self._landed.wait(timeout)

    @property
    def loaded(self) -> bool:
        """True where the leader loaded, or tried to, or waited for another process's load."""
        return self._answer is None or self._answer.result == "miss"

    def answer(self) -> Answer | None:
        """Return what the leader shared, None for nothing; raise its error."""
        if self._error is not None:
            raise self._error
        return self._answer


class Flights:
    """The flights of one process, by key. Plain threading: gevent makes it cooperative where it patched."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[str, Flight] = {}

    def join(self, key: str) -> tuple[Flight, bool]:
        """Return the key's flight, and whether the caller leads it. A leader must land it."""
        with self._lock:
            found = self._flights.get(key)
            if found is not None:
                return found, False
            flight = self._flights[key] = Flight()
            return flight, True

    def land(self, key: str, flight: Flight, answer: Answer | None = None, error: Exception | None = None) -> None:
        """End the flight: who comes from now on leads anew."""
        with self._lock:
            if self._flights.get(key) is flight:
                del self._flights[key]
        flight.land(answer, error)

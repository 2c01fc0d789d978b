"""Small numbers for gunicorn's worker processes, used again once their process has ended."""


class Slots:
    """Hands out the lowest free number below `count`."""

    def __init__(self, count: int) -> None:
        self._free = set(range(count))

    def take(self) -> int:
        """Return a number that no living process has.

        Raises:
            RuntimeError: all are taken; raise FLASK_SCALE_WORKERS rather than sending SIGTTIN.
        """
        if not self._free:
            raise RuntimeError("no slot for another gunicorn worker: raise FLASK_SCALE_WORKERS")
        slot = min(self._free)
        self._free.remove(slot)
        return slot

    def release(self, slot: int) -> None:
        """Let the next process have `slot`."""
        self._free.add(slot)

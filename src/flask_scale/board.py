"""Live gauges of one gunicorn instance, shared by its processes without a lock.

One row a process (its slot), one column a gauge, in anonymous shared memory that is
mapped before the fork. Each process writes its own row; a total is the sum of a column.
A dead process's row is cleared by the master, so its numbers go with it.

Under another server each process has a board of its own: the one here at import is renewed
by a fork, since two processes must never write one row.
"""

import mmap
import os
from typing import Any, Literal

from flask_scale.server.patching import unpatched

Gauge = Literal["in_flight", "pool_in_use", "pool_waiting"]
GAUGES: tuple[Gauge, ...] = ("in_flight", "pool_in_use", "pool_waiting")


class Board:
    """`rows` processes at most; a process that never attaches writes row 0."""

    def __init__(self, rows: int = 1) -> None:
        self._cells = memoryview(mmap.mmap(-1, (1 + rows * len(GAUGES)) * 8)).cast("q")
        self._rows = rows
        self._attach(0)

    def attach(self, slot: int) -> None:
        """From now on this process writes row `slot` (from 0), which starts empty."""
        if not 0 <= slot < self._rows:
            raise IndexError(f"slot {slot} of {self._rows}")
        self._attach(slot)
        self.clear(slot)

    def clear(self, slot: int) -> None:
        """Empty the row of a process that ended."""
        for gauge in GAUGES:
            self._cells[self._cell(slot, gauge)] = 0

    def add(self, gauge: Gauge, amount: int) -> None:
        """Raise or lower this process's own number."""
        with self._lock:
            self._cells[self._own[gauge]] += amount

    def total(self, gauge: Gauge) -> int:
        """The sum over all processes of the instance."""
        first = self._cell(0, gauge)
        return sum(self._cells[first : first + self._rows])

    @property
    def draining(self) -> bool:
        """True once the instance was told to end: readiness fails, connections are not kept."""
        return bool(self._cells[0])

    def drain(self) -> None:
        """Begin the drain, for all processes of the instance."""
        self._cells[0] = 1

    def _attach(self, slot: int) -> None:
        self._own = {gauge: self._cell(slot, gauge) for gauge in GAUGES}
        # Not gevent's: nobody waits while holding it.
        self._lock: Any = unpatched("_thread", "allocate_lock")()

    def _cell(self, slot: int, gauge: Gauge) -> int:
        return 1 + GAUGES.index(gauge) * self._rows + slot


#: The board of this process. `flask-scale serve` replaces it before it forks.
current = Board()

_unshared = current


def use(board: Board) -> None:
    """Make `board` the one of this process and of those it forks."""
    global current
    current = board


def _renew() -> None:
    global current, _unshared
    if current is _unshared:
        current = _unshared = Board()


os.register_at_fork(after_in_child=_renew)

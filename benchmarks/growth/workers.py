"""What more gunicorn workers give, and what they cost: the cached report, and one row from PostgreSQL."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.blocks import Measured, asking, measure
from benchmarks.figures import Row, rows
from benchmarks.generator import Wrk
from benchmarks.growth.server import running
from benchmarks.stores import Stores
from benchmarks.verify import verify
from flask_scale.errors import DevStackError
from tests.load.figures import Results

COUNTS = (1, 2, 4)
PATHS = {"r": "cached report", "i": "database read"}


@dataclass(frozen=True)
class Extent:
    """How much of it is measured."""

    rounds: int = 5
    #: Of a block.
    seconds: int = 3

    @property
    def steps(self) -> int:
        """How often `tell` is called."""
        return len(PATHS) * len(COUNTS) * (1 + self.rounds)


def run(extent: Extent, stores: Stores, folder: Path, tell: Callable[[str], None]) -> Sequence[Row]:
    """All of them side by side, in blocks there and back again. A row's `ratio` is to one worker.

    Raises:
        DevStackError: one of them failed.
    """
    found: list[Row] = []
    with ExitStack() as stack:
        servers = {
            _name(count): stack.enter_context(running(_name(count), stores, folder, WORKERS=str(count)))
            for count in COUNTS
        }
        for path, what in PATHS.items():
            loads = {
                name: asking(Wrk(folder), path, server, verify(path, name, server.port), stores.processes)
                for name, server in servers.items()
            }
            measured = Measured(path, _name(COUNTS[0]))
            measure(
                measured,
                loads,
                rounds=extent.rounds,
                seconds=extent.seconds,
                tell=lambda name, what=what: tell(f"{what}, {name}"),  # type: ignore[misc]
            )
            if measured.failed:
                raise DevStackError("; ".join(f"{name}: {reason}" for name, reason in measured.failed.items()))
            found += sorted(rows(measured), key=lambda row: row.name)
    return found


def add(results: Results, found: Sequence[Row]) -> None:
    """Its figures."""
    for row in found:
        results.add(f"{PATHS[row.path]}, {row.name}: rate", round(row.rate.median, 1), "requests/s")
        results.add(f"{PATHS[row.path]}, {row.name}: CPU", round(row.cpu.median, 1), "us/request")


def _name(count: int) -> str:
    return f"{count} worker{'s' if count > 1 else ''}"

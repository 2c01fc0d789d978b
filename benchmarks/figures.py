"""Medians with intervals, ratios between contenders, and the gates that they have to pass."""

import math
import random
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.blocks import Block, Measured
from benchmarks.contender import TUTORIAL
from benchmarks.drain import CELERY_DEFAULTS, CELERY_LATE, DRAMATIQ, OURS

#: Resamples of a bootstrap, and the share of them that an interval covers.
RESAMPLES, COVERAGE = 2000, 0.95


@dataclass(frozen=True)
class Estimate:
    """A median, and the bootstrap interval around it."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """What a table says of one contender on one path."""

    path: str
    name: str
    #: Microseconds of CPU a request.
    cpu: Estimate
    #: Of it the stores', the median.
    stores: float
    #: How many times less `cpu` is than that of the one they are compared with, block by block; None where that failed.
    ratio: Estimate | None
    #: Requests a second.
    rate: Estimate
    #: Milliseconds; None where nobody counts them.
    p50: float | None
    p99: float | None
    errors: int


@dataclass(frozen=True)
class Failure:
    """A contender without figures."""

    path: str
    name: str
    reason: str


@dataclass(frozen=True)
class Gate:
    """`name` on `path` takes `least` times less CPU a request than `against`; `moonshot` is the dream."""

    path: str
    name: str
    against: str
    least: float
    moonshot: float | None = None


GATES: Sequence[Gate] = (
    Gate("r", "flask_scale behind its nginx", TUTORIAL, 25, 45),
    Gate("r", "flask_scale behind its nginx", "nginx static", 0.7),
    Gate("c", "flask_scale behind its nginx", TUTORIAL, 25, 60),
    Gate("r", "flask_scale on gevent", TUTORIAL, 3, 3.5),
    Gate("r", "flask_scale", TUTORIAL, 12, 20),
    Gate("r", "flask_scale on gevent", "bare WSGI on gevent", 0.85),
    Gate("r", "flask_scale", "bare WSGI on Granian", 0.6),
    Gate("i", "flask_scale", TUTORIAL, 2, 3),
    Gate("i", "flask_scale", "tutorial on Granian", 1),
    Gate("j", "flask_scale", TUTORIAL, 2, 3),
    Gate("e", OURS, CELERY_DEFAULTS, 1, 2),
    Gate("e", OURS, CELERY_LATE, 2),
    Gate("e", OURS, "Procrastinate", 1),
    Gate("e", OURS, "PgQueuer", 1),
    Gate("e", OURS, DRAMATIQ, 0.5),
)


def estimate(values: Sequence[float]) -> Estimate:
    """The median, and its bootstrap interval."""
    chance = random.Random(1)  # noqa: S311
    medians = sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(RESAMPLES))
    edge = int(RESAMPLES * (1 - COVERAGE) / 2)
    return Estimate(statistics.median(values), medians[edge], medians[-1 - edge])


def ratio(base: Sequence[Block], other: Sequence[Block]) -> Estimate:
    """How many times less CPU `other` takes, block by block."""
    return estimate([one.cpu / two.cpu for one, two in zip(base, other, strict=True)])


def _middle(milliseconds: Iterable[float]) -> float | None:
    middle = statistics.median(milliseconds)
    return None if math.isnan(middle) else middle


def rows(measured: Measured) -> list[Row]:
    """A row for each contender, the cheapest first."""
    base = measured.blocks.get(measured.base)
    found = [
        Row(
            measured.path,
            name,
            estimate([block.cpu for block in blocks]),
            statistics.median(block.stores for block in blocks),
            ratio(base, blocks) if base else None,
            estimate([block.rate for block in blocks]),
            _middle(block.told.p50 for block in blocks),
            _middle(block.told.p99 for block in blocks),
            sum(block.told.errors for block in blocks),
        )
        for name, blocks in measured.blocks.items()
    ]
    return sorted(found, key=lambda row: row.cpu.median)


def gates(measured: Measured) -> list[dict[str, Any]]:
    """Each gate of the path, with what was found."""
    found = []
    for gate in GATES:
        if gate.path == measured.path and {gate.name, gate.against} <= measured.blocks.keys():
            seen = ratio(measured.blocks[gate.against], measured.blocks[gate.name])
            found.append({**asdict(gate), "found": asdict(seen), "holds": seen.median >= gate.least})
    return found

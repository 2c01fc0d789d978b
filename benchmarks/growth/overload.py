"""What is served, refused and how late, as more is offered than can be served; and how soon after that all is well.

The path is a row from PostgreSQL, one worker, with shedding on. 1x is what a closed loop gets out of it.
"""

import asyncio
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contender import LOAD_CPU, Server, running_on
from benchmarks.expected import ITEMS
from benchmarks.generator import Wrk
from benchmarks.growth.client import Client
from benchmarks.growth.schedule import Offered, Outcome, Window, offer, window
from benchmarks.growth.server import running
from benchmarks.stores import Stores
from benchmarks.verify import verify
from flask_scale.errors import DevStackError
from tests.load.figures import Results
from tests.load.plan import Step

#: Offered, as times the capacity; the last is the peak of which all shall recover.
TIMES = (0.25, 0.5, 0.75, 0.9, 1.0, 1.25, 1.5, 2.0, 3.0)

#: Offered before and after the peak.
BASE_TIMES = 0.5

#: Below what one worker holds (FLASK_SCALE_WORKER_CONNECTIONS), above any sensible number of requests in flight.
CONNECTIONS = 900

#: So many seconds in a row must be as before.
IN_A_ROW = 3

#: The gates: share of the highest goodput, milliseconds, seconds.
LEAST_GOODPUT, MOST_REFUSED_MS, MOST_RECOVERY = 0.9, 20.0, 30.0


@dataclass(frozen=True)
class Extent:
    """How much of it is measured, in seconds."""

    capacity: int = 10
    #: At each rate, unmeasured and measured.
    settle: float = 2.0
    rate: float = 10.0
    before: float = 10.0
    peak: float = 10.0
    after: float = 45.0

    @property
    def steps(self) -> int:
        """How often `tell` is called."""
        return len(TIMES) + 2


@dataclass(frozen=True)
class Overload:
    """What was found."""

    #: Requests a second.
    capacity: float
    #: By what was offered, as times the capacity.
    windows: dict[float, Window]
    #: Seconds from the peak's end until all was as before; infinity for never, nan where it was not well before.
    recovery: float
    #: Requests that the load itself began late.
    late: int
    requests: int


def run(extent: Extent, in_flight: int, stores: Stores, folder: Path, tell: Callable[[str], None]) -> Overload:
    """Offer each rate, each to a server at rest, then the peak between two times of the same rate.

    Raises:
        DevStackError: nothing was served.
    """
    with running("overload", stores, folder, MAX_IN_FLIGHT=str(in_flight)) as server:
        verify("i", server.name, server.port)
        tell("capacity")
        told = Wrk(folder).run("i", server.port, extent.capacity, "")
        capacity = told.requests / told.seconds
        if not capacity:
            raise DevStackError("overload: nothing was served")
        windows: dict[float, Window] = {}
        all_offered: list[Offered] = []
        for times in TIMES:
            tell(f"{times:g}x: {times * capacity:.0f}/s")
            offered = _offer(server, [Step(extent.settle + extent.rate, times * capacity)])
            windows[times] = window(offered.outcomes, extent.settle, extent.settle + extent.rate)
            all_offered.append(offered)
        tell(f"recovery from {TIMES[-1]:g}x")
        base, peak = BASE_TIMES * capacity, TIMES[-1] * capacity
        steps = [Step(extent.before, base), Step(extent.peak, peak), Step(extent.after, base)]
        offered = _offer(server, steps)
        all_offered.append(offered)
    return Overload(
        capacity,
        windows,
        recovery(offered.outcomes, extent.before, extent.before + extent.peak),
        sum(one.late for one in all_offered),
        sum(len(one.outcomes) for one in all_offered),
    )


def recovery(outcomes: Sequence[Outcome], before: float, end: float) -> float:
    """Whole seconds after `end` until IN_A_ROW seconds were as good as the worst of those until `before`.

    That is: nothing refused or failed, and a p99 not above. Infinity where it never was so; nan where requests were
    refused or failed before, so that there is nothing to come back to.
    """
    first = min(1.0, before / 2)  # connections are made in the first second
    worst = max(_bad(outcomes, begin) for begin in _seconds(first, before))
    if math.isinf(worst):
        return math.nan
    last = max((one.due for one in outcomes), default=0.0)
    good = [_bad(outcomes, begin) <= worst for begin in _seconds(end, last)]
    for number in range(len(good) - IN_A_ROW + 1):
        if all(good[number : number + IN_A_ROW]):
            return float(number)
    return math.inf


def _bad(outcomes: Sequence[Outcome], begin: float) -> float:
    seen = window(outcomes, begin, begin + 1)
    return seen.p99 if seen.refused_share == seen.failed_share == 0 else math.inf


def _seconds(begin: float, end: float) -> Sequence[float]:
    """The whole seconds between the two."""
    return list(itertools.takewhile(lambda second: second + 1 <= end + 1e-6, itertools.count(begin)))


def _offer(server: Server, steps: Sequence[Step]) -> Offered:
    async def offered() -> Offered:
        async with Client(server.port, connections=CONNECTIONS) as client:
            # A stride that has no factor in common with the number of items meets them all.
            return await offer(client, steps, lambda number: f"/items/{1 + number * 7919 % ITEMS}")

    with running_on({LOAD_CPU}):
        return asyncio.run(offered())


def add(results: Results, found: Overload) -> None:
    """Its figures, with the gates."""
    results.add("overload: capacity (1x)", round(found.capacity, 1), "requests/s")
    for times, seen in found.windows.items():
        label = f"overload {times:g}x"
        results.add(f"{label}: offered", round(seen.offered, 1), "requests/s")
        results.add(f"{label}: goodput", round(seen.goodput, 1), "requests/s")
        results.add(f"{label}: refused", round(seen.refused_share, 4), "share")
        results.add(f"{label}: failed", round(seen.failed_share, 4), "share")
        results.add(f"{label}: p50", round(seen.p50, 2), "ms")
        results.add(f"{label}: p99", round(seen.p99, 2), "ms")
        results.add(f"{label}: refused p50", round(seen.refused_p50, 2), "ms")
        results.add(f"{label}: refused p99", round(seen.refused_p99, 2), "ms")
    peak = found.windows[TIMES[-1]]
    highest = max(seen.goodput for seen in found.windows.values())
    label = f"overload at {TIMES[-1]:g}x"
    share = peak.goodput / highest if highest else math.nan
    results.at_least(f"{label}: goodput against the highest", round(share, 3), "share", LEAST_GOODPUT)
    results.at_most(f"{label}: median of refused answers", round(peak.refused_p50, 2), "ms", MOST_REFUSED_MS)
    results.at_most(f"{label}: recovery", found.recovery, "s", MOST_RECOVERY)
    results.add("overload: begun late by the load itself", found.late, f"of {found.requests} requests")

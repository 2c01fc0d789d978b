"""The open loop: each request begins at its moment, whatever became of those before it, and latency counts from there.

tests/load has the same of the whole user directory; this one costs a tenth a request, so that one CPU can offer three
times what another serves.
"""

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from benchmarks.growth.client import Client
from tests.load.figures import percentile
from tests.load.plan import Step

#: A request that begins so much after its moment says that the load itself was too slow.
LATE_SECONDS = 0.05

Kind = Literal["served", "refused", "failed"]


class Outcome(NamedTuple):
    """What one request came to; times in seconds after the beginning."""

    due: float
    seen: float
    kind: Kind

    @property
    def latency(self) -> float:
        """Seconds from the moment when it was due."""
        return self.seen - self.due


@dataclass
class Offered:
    """All outcomes of a schedule, in the order in which they were seen."""

    outcomes: list[Outcome] = field(default_factory=list)
    #: Requests that the load began over LATE_SECONDS after their moment.
    late: int = 0


def moments(steps: Sequence[Step]) -> Iterator[float]:
    """When each request is due: evenly spread over its step."""
    begin = 0.0
    for seconds, rate in steps:
        for number in range(round(seconds * rate)):
            yield begin + number / rate
        begin += seconds


async def offer(client: Client, steps: Sequence[Step], path_of: Callable[[int], str]) -> Offered:
    """Send a GET of `path_of(number)` at each moment, and wait for what became of all of them."""
    offered = Offered()
    begun = time.monotonic()

    async def send(number: int, due: float) -> None:
        kind = await _kind(client, path_of(number))
        offered.outcomes.append(Outcome(due, time.monotonic() - begun, kind))

    async with asyncio.TaskGroup() as under_way:
        for number, due in enumerate(moments(steps)):
            # 0 also when behind: answers must be seen.
            await asyncio.sleep(max(0.0, begun + due - time.monotonic()))
            offered.late += time.monotonic() - begun - due > LATE_SECONDS
            under_way.create_task(send(number, due))
    return offered


async def _kind(client: Client, path: str) -> Kind:
    try:
        answer = await client.get(path)
    except (OSError, TimeoutError):
        return "failed"
    if answer.status == 503 and answer.retry:
        return "refused"
    return "served" if answer.status == 200 else "failed"


@dataclass(frozen=True)
class Window:
    """A time of one rate. Latencies in milliseconds; nan for none."""

    #: Requests a second.
    offered: float
    #: Right answers a second that were seen in this time, whenever they were due.
    goodput: float
    #: Of those due in this time.
    refused_share: float
    failed_share: float
    p50: float
    p99: float
    refused_p50: float
    refused_p99: float


def window(outcomes: Sequence[Outcome], begin: float, end: float) -> Window:
    """What became of the time from `begin` to `end`, in seconds."""
    due = [one for one in outcomes if begin <= one.due < end]
    seen = sum(one.kind == "served" and begin <= one.seen < end for one in outcomes)
    served = [1000 * one.latency for one in due if one.kind == "served"]
    refused = [1000 * one.latency for one in due if one.kind == "refused"]
    count = len(due) or math.nan
    return Window(
        offered=len(due) / (end - begin),
        goodput=seen / (end - begin),
        refused_share=len(refused) / count,
        failed_share=sum(one.kind == "failed" for one in due) / count,
        p50=percentile(served, 0.5),
        p99=percentile(served, 0.99),
        refused_p50=percentile(refused, 0.5),
        refused_p99=percentile(refused, 0.99),
    )

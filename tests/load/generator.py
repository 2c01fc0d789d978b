"""The open loop: each request begins when the plan says so, whatever became of those before it.

Latency counts from that moment, so a service that stalls cannot hide it by slowing its clients down.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.load.history import Event, HistoryWriter, Name
from tests.load.operations import Operations, Request
from tests.load.plan import Plan
from tests.load.sender import Outcome, Sender
from tests.load.target import Target

#: Where a run's `Tally` is kept, beside its history.
REPORT = "client.json"

#: A request that begins so much after its moment says that the client itself was too slow.
LATE_SECONDS = 0.05

#: Between two looks whether to end.
NAP_SECONDS = 0.1

#: Before each further attempt of a POST of unknown outcome; the last holds for all that follow.
PAUSES = (0.5, 1.0, 2.0, 4.0)
#: Most further attempts at once, so that a service that comes back is not run over.
ATTEMPTS_AT_ONCE = 16


@dataclass
class Tally:
    """How a run goes, and at its end how the client itself did."""

    offered: int = 0
    ok: int = 0
    failed: int = 0
    shed: int = 0
    unknown: int = 0
    #: POSTs of unknown outcome that a further attempt settled.
    resolved: int = 0
    #: Requests that began over `LATE_SECONDS` after their moment: the client fell behind its schedule.
    late_starts: int = 0
    worst_lateness_seconds: float = 0.0
    #: Of the client's process, until the plan's end.
    cpu_seconds: float = 0.0
    seconds: float = 0.0

    def began(self, lateness: float) -> None:
        """Count a request that begins so many seconds after its moment."""
        self.offered += 1
        self.late_starts += lateness > LATE_SECONDS
        self.worst_lateness_seconds = max(self.worst_lateness_seconds, lateness)

    def met(self, event: Name) -> None:
        """Count what a first attempt came to."""
        self.ok += event == "ok"
        self.failed += event == "fail"
        self.shed += event == "shed"
        self.unknown += event == "unknown"


class Generator:
    """Carries a plan out, once.

    Args:
        run: Begins every email and key; must be new, of letters and digits.
    """

    def __init__(self, plan: Plan, target: Target, history: HistoryWriter, run: str) -> None:
        self.tally = Tally()
        self._plan = plan
        self._target = target
        self._history = history
        today = datetime.now(UTC).date()
        self._operations = Operations(run, seed=plan.seed, mix=plan.mix, today=today)
        self._further = asyncio.Semaphore(ATTEMPTS_AT_ONCE)
        self._ending = False

    def end(self) -> None:
        """Begin no more requests; those that are under way come to their end."""
        self._ending = True

    async def run(self) -> Tally:
        """Carry it out, until every request has an outcome or the plan gives it up."""
        options: dict[str, Any] = {
            "connections": self._plan.connections,
            "timeout_seconds": self._plan.timeout_seconds,
            "fresh": self._plan.fresh,
        }
        begin, cpu = time.monotonic(), time.process_time()
        async with Sender(self._target, **options) as sender, asyncio.TaskGroup() as under_way:
            async for number, moment in self._moments(begin):
                under_way.create_task(self._operate(sender, number, moment))
            self.tally.seconds = time.monotonic() - begin
            self.tally.cpu_seconds = time.process_time() - cpu
        return self.tally

    async def _moments(self, begin: float) -> AsyncIterator[tuple[int, float]]:
        for number, offset in enumerate(self._plan.moments()):
            moment = begin + offset
            while not self._ending and (left := moment - time.monotonic()) > 0:
                await asyncio.sleep(min(left, NAP_SECONDS))
            if self._ending:
                return
            yield number, moment
            await asyncio.sleep(0)  # also when behind: answers must be seen

    async def _operate(self, sender: Sender, number: int, moment: float) -> None:
        request = self._operations.make(number)
        self.tally.began(time.monotonic() - moment)
        record = _Recorder(self._history, request, number, moment)
        record.write("invoke", emails=request.emails, steps=request.steps)
        outcome = await self._attempt(sender, request, record, 1)
        self.tally.met(outcome.event)
        if not outcome.settled:
            await self._resolve(sender, request, record)

    async def _resolve(self, sender: Sender, request: Request, record: "_Recorder") -> None:
        deadline = time.monotonic() + self._plan.resolve_seconds
        for attempt, pause in enumerate(_pauses(), 2):
            if time.monotonic() + pause > deadline:
                return
            await asyncio.sleep(pause)
            async with self._further:
                outcome = await self._attempt(sender, request, record, attempt)
            if outcome.final:
                self.tally.resolved += 1
                return

    async def _attempt(self, sender: Sender, request: Request, record: "_Recorder", attempt: int) -> Outcome:
        outcome = await sender.send(request, attempt)
        status, (user, job) = outcome.status, outcome.found
        record.write(outcome.event, attempt=attempt, status=status, user=user, job=job, error=outcome.error)
        if outcome.answer is not None:
            self._operations.learn(request, outcome.answer, outcome.found)
        return outcome


@dataclass(frozen=True)
class _Recorder:
    """Writes the events of one operation."""

    history: HistoryWriter
    request: Request
    number: int
    moment: float

    def write(self, event: Name, **values: Any) -> None:
        kind, key = self.request.kind, self.request.key
        clock = time.monotonic()
        self.history.write(Event(event, self.number, kind, time.time(), clock, self.moment, key=key, **values))


def _pauses() -> Iterator[float]:
    return itertools.chain(PAUSES, itertools.repeat(PAUSES[-1]))

"""Numbers from a history: totals, seconds, percentiles; and results/NAME.json, where they are kept.

An operation counts by what its first attempt met; latency is that of right answers, from the intended
moment, further attempts and their pauses included.
"""

import json
import math
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.load.history import History, Name

#: The percentiles of `Totals`, as shares.
SHARES = (0.5, 0.9, 0.99, 0.999)


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least `share` of all do not exceed; nan where there is none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


@dataclass(frozen=True)
class Totals:
    """What became of a run's operations; `str` gives it as a line."""

    offered: int
    ok: int
    failed: int
    shed: int
    #: POSTs whose first attempt got no answer.
    unknown: int
    #: POSTs that a further attempt brought to the right answer.
    resolved: int
    #: POSTs of which the client never learnt what became of them.
    unresolved: int
    #: Milliseconds: p50, p90, p99, p99.9 and the longest.
    latency: tuple[float, float, float, float, float]
    by_kind: dict[str, int]

    def __str__(self) -> str:
        p50, _, p99, _, longest = self.latency
        return (
            f"{self.offered} offered: {self.ok} ok, {self.failed} failed, {self.shed} shed, {self.unknown} unknown, "
            f"{self.resolved} resolved, {self.unresolved} unresolved; "
            f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {longest:.0f} ms"
        )


def totals(history: History) -> Totals:
    """What became of the operations."""
    operations = history.operations
    counts = Counter[Name](operation.first.event for operation in operations if operation.first)
    accepted = [operation.accepted for operation in operations if operation.accepted]
    latencies = sorted(1000 * event.latency for event in accepted)
    shown = [percentile(latencies, share) for share in SHARES]
    return Totals(
        offered=len(operations),
        ok=counts["ok"],
        failed=counts["fail"],
        shed=counts["shed"],
        unknown=counts["unknown"],
        resolved=sum(event.attempt > 1 for event in accepted),
        unresolved=sum(operation.unresolved for operation in operations),
        latency=(shown[0], shown[1], shown[2], shown[3], max(latencies, default=math.nan)),
        by_kind=dict(Counter(operation.invoke.kind for operation in operations)),
    )


@dataclass
class Second:
    """One second of a run. Latencies are of requests that were due in it, in seconds; nan for none."""

    offered: int = 0
    served: int = 0
    failed: int = 0
    shed: int = 0
    unknown: int = 0
    p50: float = math.nan
    p99: float = math.nan


@dataclass(frozen=True)
class Series:
    """A run second by second."""

    #: When the first second begins, since 1970.
    begin: float
    seconds: list[Second]

    @property
    def times(self) -> list[float]:
        """When each second begins, since 1970."""
        return [self.begin + number for number in range(len(self.seconds))]


#: The field of `Second` that counts a first attempt that met this.
_FIELDS: dict[Name, str] = {"fail": "failed", "shed": "shed", "unknown": "unknown"}


def series(history: History) -> Series:
    """The run second by second: offered when it was due, everything else when it was seen."""
    if not history.events:
        return Series(0.0, [])
    first = min(history.events, key=lambda event: event.intended)
    seconds = [Second() for _ in range(1 + max(_second(event.clock - first.intended) for event in history.events))]
    latencies: dict[int, list[float]] = defaultdict(list)
    for event in history.events:
        due = _second(event.intended - first.intended)
        if event.event == "invoke":
            seconds[due].offered += 1
            continue
        second = seconds[_second(event.clock - first.intended)]
        if event.event == "ok":
            second.served += 1
            latencies[due].append(event.latency)
        elif event.attempt == 1:
            name = _FIELDS[event.event]
            setattr(second, name, getattr(second, name) + 1)
    for due, found in latencies.items():
        seconds[due].p50, seconds[due].p99 = percentile(found, 0.5), percentile(found, 0.99)
    return Series(first.intended_at, seconds)


def _second(elapsed: float) -> int:
    """The second that a time is in; a request due at its very beginning is, whatever floats make of it."""
    return math.floor(elapsed + 1e-6)


@dataclass(frozen=True)
class Figure:
    """One line of results/NAME.json."""

    name: str
    value: float | int | str | None
    unit: str
    #: What it is held against, as a person reads it, such as "<= 30"; empty for none.
    gate: str = ""
    holds: bool = True


@dataclass
class Results:
    """The figures of results/NAME.json. Those of one name replace each other; all others stay."""

    path: Path
    figures: list[Figure] = field(default_factory=list)

    def add(self, name: str, value: float | int | str | None, unit: str) -> Figure:
        """Add a figure without a gate."""
        return self._add(Figure(name, value, unit))

    def at_most(self, name: str, value: float, unit: str, most: float) -> Figure:
        """Add a figure that must not be over `most`; infinity is no gate."""
        gate = f"<= {most:g}" if math.isfinite(most) else ""
        return self._add(Figure(name, value, unit, gate, value <= most))

    def at_least(self, name: str, value: float, unit: str, least: float) -> Figure:
        """Add a figure that must not be under `least`."""
        return self._add(Figure(name, value, unit, f">= {least:g}", value >= least))

    def exactly(self, name: str, value: str, unit: str, wanted: str) -> Figure:
        """Add a word that must be `wanted`."""
        return self._add(Figure(name, value, unit, f"= {wanted}", value == wanted))

    def forget(self, beginning: str) -> None:
        """Take figures whose names begin so out of the file: a run that begins says them anew, or others."""
        self._replace([line for line in self._kept() if not line["name"].startswith(beginning)])

    def write(self) -> None:
        """Merge them into the file, whole or not at all."""
        self._replace(list({line["name"]: line for line in [*self._kept(), *map(_line, self.figures)]}.values()))

    def _kept(self) -> list[dict[str, Any]]:
        return json.loads(self.path.read_text()) if self.path.exists() else []

    def _replace(self, lines: Sequence[Mapping[str, object]]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        scratch = self.path.with_suffix(f".{os.getpid()}.tmp")
        scratch.write_text(json.dumps(lines, indent=1, allow_nan=False) + "\n")
        scratch.replace(self.path)

    def failing(self) -> Sequence[Figure]:
        """Those that do not hold."""
        return [figure for figure in self.figures if not figure.holds]

    def _add(self, figure: Figure) -> Figure:
        self.figures.append(figure)
        return figure


def run_figures(results: Results, scene: str, found: Totals) -> None:
    """Add what every scene tells of its requests."""
    p50, _, p99, p999, longest = found.latency
    results.add(f"{scene}: requests", found.offered, "requests")
    results.add(f"{scene}: failed requests", found.failed, "requests")
    results.at_most(f"{scene}: POSTs of unknown outcome", found.unresolved, "requests", 0)
    results.add(f"{scene}: shed requests", found.shed, "requests")
    for name, value in {"p50": p50, "p99": p99, "p99.9": p999, "longest": longest}.items():
        results.add(f"{scene}: latency {name}", round(value, 1), "ms")


def _line(figure: Figure) -> dict[str, object]:
    line = asdict(figure)
    if isinstance(figure.value, float) and not math.isfinite(figure.value):
        line["value"] = None
    return line

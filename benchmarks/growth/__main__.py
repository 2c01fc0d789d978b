"""How flask_scale behaves as what is asked of it grows.

    make bench-growth                                    about half an hour, most of it the million URLs
    .venv-bench/bin/python -m benchmarks.growth --quick  about 3 minutes

Four parts: `workers` (rate and CPU a request with 1, 2, 4 gunicorn workers), `overload` (what is answered, refused and
how late at 0.25 to 3 times the capacity, and the recovery), `memory` (a million URLs through the response cache) and
`scrape` (/metrics with up to 1,000 routes). Servers and stores have every CPU but one, which the load has; with
`taskset` they have fewer. Writes growth.json and growth.png to results/, or growth-quick.*; the exit code is 1 where a
part failed, and says nothing of the gates.
"""

import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.contender import LOAD_CPU, running_on
from benchmarks.growth import memory, overload, picture, scrape, workers
from benchmarks.growth.server import server_cpus
from benchmarks.stores import ROOT, Stores, running_stores
from benchmarks.verify import Wrong
from flask_scale.dev.account import temporary_folder, unprivileged
from flask_scale.errors import DevStackError
from flask_scale.settings import Settings
from tests.load.figures import Results

PARTS = ("workers", "overload", "memory", "scrape")
COLUMNS = (TextColumn("{task.description:44}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())

IN_FLIGHT = Settings.model_fields["max_in_flight"].default


@dataclass(frozen=True)
class Extents:
    """How much of each part is measured."""

    workers: workers.Extent
    overload: overload.Extent
    memory: memory.Extent
    scrape: scrape.Extent


FULL = Extents(workers.Extent(), overload.Extent(), memory.Extent(), scrape.Extent())
QUICK = Extents(
    workers.Extent(rounds=2, seconds=1),
    overload.Extent(capacity=3, settle=1, rate=2, before=4, peak=3, after=15),
    memory.Extent(urls=20_000, rest_seconds=2),
    scrape.Extent(scrapes=20),
)


@click.command(help=__doc__)
@click.option("--quick", is_flag=True, help="Less of each, and 20,000 URLs: an idea, not a result.")
@click.option("--parts", default=",".join(PARTS), show_default=True, help="Which of them, by comma.")
@click.option("--urls", type=click.IntRange(memory.LOOKS, 10_000_000), help="How many for `memory`, if not 1,000,000.")
@click.option(
    "--in-flight", type=click.IntRange(1), default=IN_FLIGHT, show_default=True, help="FLASK_SCALE_MAX_IN_FLIGHT."
)
@click.option("--out", type=click.Path(path_type=Path), default=ROOT / "results", help="Where the results go.")
def main(quick: bool, parts: str, urls: int | None, in_flight: int, out: Path) -> None:
    chosen = [part.strip() for part in parts.split(",")]
    if unknown := set(chosen) - set(PARTS):
        raise click.UsageError(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    if LOAD_CPU not in os.sched_getaffinity(0) or not server_cpus():
        raise click.ClickException(f"the load needs CPU {LOAD_CPU}, and servers another one")
    extents = QUICK if quick else FULL
    if urls:
        extents = replace(extents, memory=replace(extents.memory, urls=urls))
    stem = "growth-quick" if quick else "growth"
    results = Results(out / f"{stem}.json")
    console = Console(width=max(110, Console().width))
    begun = time.time()
    try:
        with temporary_folder(unprivileged()) as folder, running_on(server_cpus()), running_stores(folder) as stores:
            run = Run(extents, in_flight, stores, folder, results, console)
            failed = run.all_of(chosen)
            cpus = len(server_cpus())
    except DevStackError as error:
        raise click.ClickException(str(error)) from error
    results.add("growth: CPUs of servers and stores", cpus, "CPUs")
    results.add("growth: Python", platform.python_version(), "")
    results.add("growth: requests in flight at most", in_flight, "requests")
    results.add("growth: load average at the end", round(os.getloadavg()[0], 2), "")
    results.add("growth: took", round(time.time() - begun), "s")
    results.write()
    _show(results, console)
    drawn = picture.draw(out / f"{stem}.png", run.overload, run.memory)
    console.print(f"{results.path}{f', {out / stem}.png' if drawn else ''}", highlight=False, soft_wrap=True)
    sys.exit(1 if failed else 0)


class Run:
    """One run of some parts; what they found is added to `results` as they end."""

    def __init__(
        self, extents: Extents, in_flight: int, stores: Stores, folder: Path, results: Results, console: Console
    ) -> None:
        self.overload: overload.Overload | None = None
        self.memory: memory.Memory | None = None
        self._extents = extents
        self._in_flight = in_flight
        self._stores = stores
        self._folder = folder
        self._results = results
        self._console = console

    def all_of(self, chosen: Sequence[str]) -> Sequence[str]:
        """Carry them out; gives those that failed, which cost no other its figures."""
        parts: Mapping[str, Callable[[], None]] = {
            "workers": self._workers,
            "overload": self._overload,
            "memory": self._memory,
            "scrape": self._scrape,
        }
        failed = []
        for name, part in parts.items():
            if name in chosen:
                try:
                    part()
                except (DevStackError, Wrong) as error:
                    failed.append(name)
                    self._console.print(f"{name} failed: {error}", style="red", markup=False, highlight=False)
        return failed

    def _workers(self) -> None:
        extent = self._extents.workers
        with self._progress("workers", extent.steps) as tell:
            workers.add(self._results, workers.run(extent, self._stores, self._folder, tell))

    def _overload(self) -> None:
        extent = self._extents.overload
        with self._progress("overload", extent.steps) as tell:
            self.overload = overload.run(extent, self._in_flight, self._stores, self._folder, tell)
        overload.add(self._results, self.overload)

    def _memory(self) -> None:
        extent = self._extents.memory
        with self._progress("memory", extent.steps) as tell:
            self.memory = memory.run(extent, self._stores, self._folder, tell)
        memory.add(self._results, self.memory)

    def _scrape(self) -> None:
        extent = self._extents.scrape
        with self._progress("scrape", extent.steps) as tell:
            scrape.add(self._results, scrape.run(extent, self._stores, self._folder, tell))

    @contextmanager
    def _progress(self, name: str, steps: int) -> Iterator[Callable[[str], None]]:
        """A bar of so many steps; what it gives is told of each before it begins."""
        if not self._console.is_terminal:
            yield lambda what: self._console.print(f"{name}: {what}", highlight=False)
            return
        # Seldom: the bar shares a CPU with the load.
        with Progress(*COLUMNS, console=self._console, refresh_per_second=1) as progress:
            task = progress.add_task(name, total=steps)
            yield lambda what: progress.update(task, advance=1, description=f"{name}: {what}")


def _show(results: Results, console: Console) -> None:
    table = Table("figure", "value", "unit", "gate")
    table.columns[1].justify = "right"
    for figure in results.figures:
        shown = f"{figure.value:,}" if isinstance(figure.value, int | float) else str(figure.value)
        gate = f"{figure.gate}: {'holds' if figure.holds else 'MISSED'}" if figure.gate else ""
        table.add_row(figure.name, shown, figure.unit, gate)
    console.print(table)


if __name__ == "__main__":
    main()

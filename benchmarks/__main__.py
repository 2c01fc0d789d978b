"""Compare flask_scale with what a person would otherwise run, side by side in one run.

    make bench          about 15 minutes
    make bench-quick    about 2

Every contender is started here from pinned requirements, and has to give the same answers before it is timed. Servers
and stores have one CPU, wrk another. First figure is CPU time a request: it hardly depends on what else the machine
does. Writes results/bench.json and results/bench.png; the exit code is 1 where a contender failed, and says nothing of
the gates.
"""

import os
import platform
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from benchmarks import report
from benchmarks.blocks import Load, Measured, asking, measure
from benchmarks.contender import (
    CONTENDERS,
    SERVER_CPU,
    TUTORIAL,
    EdgeServer,
    Server,
    UnderTest,
    end_of_log,
    running_on,
)
from benchmarks.drain import QUEUES, Drain
from benchmarks.figures import Failure, gates, rows
from benchmarks.floors import FLOORS, Floor
from benchmarks.generator import Wrk
from benchmarks.store_floors import PgBench, ValkeyGet
from benchmarks.stores import Stores, running_stores
from benchmarks.verify import Wrong, verify
from flask_scale.dev.account import temporary_folder, unprivileged
from flask_scale.errors import DevStackError

ROOT = Path(__file__).parents[1]
PATHS = "rcije"

#: Rounds, and whole seconds of a block; rounds of drains, and their jobs.
FULL, QUICK = (7, 2, 3, 1500), (2, 1, 1, 500)


COLUMNS = (TextColumn("{task.description:44}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())


@click.command(help=__doc__)
@click.option("--quick", is_flag=True, help="Fewer and shorter blocks: an idea, not a result.")
@click.option("--only", metavar="WORD", default="", help="Only contenders whose name has the word, and the tutorial.")
@click.option(
    "--paths", default=PATHS, help="Of r (report), c (conditional), i (row), j (job), e (jobs done).", show_default=True
)
@click.option("--out", type=click.Path(path_type=Path), default=ROOT / "results", help="Where the results go.")
def main(quick: bool, only: str, paths: str, out: Path) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        raise click.ClickException("servers and load need a CPU each: this process may use one alone")
    console = Console(width=max(120, Console().width))
    rounds, seconds, drains, jobs = QUICK if quick else FULL
    begun = time.time()
    measured: list[Measured] = []
    try:
        with temporary_folder(unprivileged()) as folder, running_on({SERVER_CPU}), running_stores(folder) as stores:
            asked = [path for path in paths if path != "e"]
            if asked:
                with ExitStack() as stack:
                    entrants = _start(stack, stores, folder, only, console)
                    measured += _measure(entrants, Wrk(folder), asked, rounds, seconds, console)
            if "e" in paths:
                measured.append(_drain(stores, folder, only, drains, jobs, console))
    except DevStackError as error:
        raise click.ClickException(str(error)) from error
    _tell(measured, rounds, seconds, time.time() - begun, out, console)
    sys.exit(1 if any(one.failed for one in measured) else 0)


def _tell(measured: Sequence[Measured], rounds: int, seconds: int, took: float, out: Path, console: Console) -> None:
    found = [row for one in measured for row in rows(one)]
    failed = [Failure(one.path, name, reason) for one in measured for name, reason in one.failed.items()]
    judged = [gate for one in measured for gate in gates(one)]
    report.print_tables(console, found, failed, judged)
    about = {
        "python": sys.version.split()[0],
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "rounds": rounds,
        "seconds": seconds,
        "took": round(took),
        "load": os.getloadavg(),
    }
    report.write(out / "bench.json", found, failed, judged, about)
    report.draw(out / "bench.png", found)
    console.print(f"{out / 'bench.json'}, {out / 'bench.png'}")


@dataclass
class Entrants:
    """Who takes part, and who wanted to."""

    stores: Stores
    servers: list[UnderTest] = field(default_factory=list)
    floors: list[ValkeyGet | PgBench] = field(default_factory=list)
    #: Servers that did not start, with the reason.
    failed: dict[str, tuple[UnderTest, str]] = field(default_factory=dict)


def _start(stack: ExitStack, stores: Stores, folder: Path, only: str, console: Console) -> Entrants:
    chosen = [one for one in CONTENDERS if only in one.name or one is CONTENDERS[0]]
    wanted: list[UnderTest] = [(EdgeServer if one.edge else Server)(one, stores, folder) for one in chosen]
    wanted += [Floor(one, folder) for one in FLOORS if only in one.name]
    entrants = Entrants(stores, floors=[one(stores) for one in (ValkeyGet, PgBench) if only in one.name])
    for server in wanted:
        with console.status(f"start: {server.contender.name}"):
            stack.callback(server.stop)
            try:
                server.start()
                entrants.servers.append(server)
            except DevStackError as error:
                entrants.failed[server.contender.name] = server, f"{error}: {end_of_log(server)}"
    return entrants


def _measure(
    entrants: Entrants, wrk: Wrk, paths: Sequence[str], rounds: int, seconds: int, console: Console
) -> list[Measured]:
    found = []
    with Progress(*COLUMNS, console=console) as progress:
        for path in paths:
            measured = Measured(path, TUTORIAL)
            for name, (server, reason) in entrants.failed.items():
                if path in server.contender.paths:
                    measured.fail(name, reason)
            loads = _loads(entrants, wrk, path, measured)
            task = progress.add_task(report.TITLES[path], total=len(loads) * (rounds + 1))

            def tell(what: str, task: TaskID = task, title: str = report.TITLES[path]) -> None:
                progress.update(task, advance=1, description=f"{title[:3]} {what}")

            measure(measured, loads, rounds=rounds, seconds=seconds, tell=tell)
            found.append(measured)
    return found


def _loads(entrants: Entrants, wrk: Wrk, path: str, measured: Measured) -> dict[str, Load]:
    """What runs the load on each contender that has the path, and gives the right answers."""
    loads: dict[str, Load] = {}
    for server in entrants.servers:
        name = server.contender.name
        if path in server.contender.paths:
            try:
                loads[name] = asking(wrk, path, server, _verify(path, server), entrants.stores.processes)
            except (Wrong, OSError, HTTPException, ValueError, LookupError, EOFError) as error:
                measured.fail(name, error)
    for floor in entrants.floors:
        if floor.path == path:
            try:
                floor.prepare()
                loads[floor.name] = floor.load
            except DevStackError as error:
                measured.fail(floor.name, error)
    return loads


def _drain(stores: Stores, folder: Path, only: str, rounds: int, jobs: int, console: Console) -> Measured:
    chosen = [queue for queue in QUEUES if only in queue.name or queue is QUEUES[0]]
    drains = {queue.name: Drain(queue, stores, folder) for queue in chosen}
    loads: dict[str, Load] = {name: lambda _, drain=drain: drain.run(jobs) for name, drain in drains.items()}  # type: ignore[misc]
    measured = Measured("e", QUEUES[0].name)
    with Progress(*COLUMNS, console=console) as progress:
        task = progress.add_task(report.TITLES["e"], total=len(chosen) * rounds)

        def tell(what: str) -> None:
            progress.update(task, advance=1, description=f"(e) {what}")

        measure(measured, loads, rounds=rounds, seconds=0, warm_up=0, tell=tell)
    return measured


def _verify(path: str, server: UnderTest) -> str:
    if isinstance(server, Floor) and path == "c":
        return '"nothing"'
    return verify(path, server.contender.name, server.port)


if __name__ == "__main__":
    main()

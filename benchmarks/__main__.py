"""Compare flask_scale with what a person would otherwise run, side by side in one run.

    make bench          about 15 minutes
    make bench-quick    about 2

Every contender is started here from pinned requirements, and has to give the same answers before it is timed. Servers
and stores have one CPU, wrk another. First figure is CPU time a request: it hardly depends on what else the machine
does. Writes results/bench.json and results/bench.png; the exit code says nothing of the gates.
"""

import os
import platform
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import report
from benchmarks.blocks import Measured, UnderTest, measure, order
from benchmarks.contender import CONTENDERS, SERVER_CPU, EdgeServer, Server
from benchmarks.drain import QUEUES, drain, make_schema
from benchmarks.figures import gates, rows
from benchmarks.floors import FLOORS, Floor
from benchmarks.generator import Wrk
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
    console = Console(width=max(110, Console().width))
    rounds, seconds, drains, jobs = QUICK if quick else FULL
    begun = time.time()
    try:
        with temporary_folder(unprivileged()) as folder, ExitStack() as stack:
            os.sched_setaffinity(0, {SERVER_CPU})
            stores = stack.enter_context(running_stores(folder))
            asked = [path for path in paths if path != "e"]
            measured = []
            if asked:
                servers = _start(stack, stores, folder, only, console)
                measured = _measure(servers, stores, Wrk(folder), asked, rounds, seconds, console)
            if "e" in paths:
                measured.append(_drain(stores, folder, only, drains, jobs, console))
    except (DevStackError, Wrong) as error:
        raise click.ClickException(str(error)) from error
    _tell(measured, rounds, seconds, time.time() - begun, out, console)


def _tell(measured: Sequence[Measured], rounds: int, seconds: int, took: float, out: Path, console: Console) -> None:
    found = [row for one in measured for row in rows(one)]
    judged = [gate for one in measured for gate in gates(one)]
    report.print_tables(console, found, judged)
    about = {
        "python": sys.version.split()[0],
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "rounds": rounds,
        "seconds": seconds,
        "took": round(took),
        "load": os.getloadavg(),
    }
    report.write(out / "bench.json", found, judged, about)
    report.draw(out / "bench.png", found)
    console.print(f"{out / 'bench.json'}, {out / 'bench.png'}")


def _start(stack: ExitStack, stores: Stores, folder: Path, only: str, console: Console) -> list[UnderTest]:
    chosen = [one for one in CONTENDERS if only in one.name or one is CONTENDERS[0]]
    servers: list[Server | Floor] = [(EdgeServer if one.edge else Server)(one, stores, folder) for one in chosen]
    servers += [Floor(one, folder) for one in FLOORS if only in one.name]
    for server in servers:
        with console.status(f"start: {server.contender.name}"):
            stack.callback(server.stop)
            server.start()
    return list(servers)


def _measure(
    servers: Sequence[UnderTest],
    stores: Stores,
    wrk: Wrk,
    paths: Sequence[str],
    rounds: int,
    seconds: int,
    console: Console,
) -> list[Measured]:
    measured = []
    with Progress(*COLUMNS, console=console) as progress:
        for path in paths:
            chosen = [server for server in servers if path in server.contender.paths]
            etags = {one.contender.name: _verify(path, one) for one in chosen}
            task = progress.add_task(report.TITLES[path], total=len(chosen) * (rounds + 1))

            def tell(what: str, task=task, title=report.TITLES[path]) -> None:  # type: ignore[no-untyped-def]
                progress.update(task, advance=1, description=f"{title[:3]} {what}")

            measured.append(
                measure(path, chosen, stores.processes, wrk, etags=etags, rounds=rounds, seconds=seconds, tell=tell)
            )
    return measured


def _drain(stores: Stores, folder: Path, only: str, rounds: int, jobs: int, console: Console) -> Measured:
    chosen = [queue for queue in QUEUES if only in queue.name or queue is QUEUES[0]]
    measured = Measured("e", QUEUES[0].name)
    with Progress(*COLUMNS, console=console) as progress:
        task = progress.add_task(report.TITLES["e"], total=len(chosen) * rounds)
        for queue in chosen:
            make_schema(queue, stores)
        for queue in order(chosen, rounds):
            block = drain(queue, stores, folder, jobs, lambda what: progress.update(task, description=f"(e) {what}"))
            measured.blocks[queue.name].append(block)
            progress.advance(task)
    return measured


def _verify(path: str, server: UnderTest) -> str:
    if isinstance(server, Floor) and path == "c":
        return '"nothing"'
    return verify(path, server.contender.name, server.port)


if __name__ == "__main__":
    main()

"""What a rate of requests needs, reckoned from what `make bench` measured.

    python -m benchmarks.model                                    a million requests a minute
    python -m benchmarks.model --rate 250000 --reads 0.3 --jobs 0.1 --cpu 2

With R requests a second, of which the shares s_report, s_read, s_job; of the reports the share h is answered from a
cache, and m (at most h) from the process's own memory; c is CPU time a request (bench.json, flask_scale's rows), apart
from d, the stores' part of it; k is a pod's CPU and u the share of it that shall be in use:

    reads a second          L = R * (s_read + s_report * (1 - h))
    writes a second         3 * R * s_job                  enqueued, claimed, completed
    Redis operations        R * (s_report * (1 - m) + s_report * (1 - h) + 2 * s_job)
                            looked up, stored after a load; a job's hint pushed and popped
    cores of the API        C = R * s_report * c_report + L * c_read + R * s_job * c_job
    API pods                ceil(C / (k * u))
    cores of the stores     the same sum with d for c, and R * s_job * d_done
    worker pods             ceil(R * s_job * c_done / (k * u))
    connections at most     API pods * workers * (pool + overflow) + worker pods * (jobs at once + 1)

A report that has to be loaded costs what a hit does and a read: less than it really does, so give an honest h. A hit
that Redis answers costs what one from memory does. Where bench.json has no stores' part, c has it in, and pods are
reckoned too high. The CPU is that of the machine that was measured.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import click
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]

#: Whose rows are taken.
NAME = "flask_scale"

REPORT, READ, JOB, DONE = "r", "i", "j", "e"
PATHS = {REPORT: "a cached report", READ: "a database read", JOB: "a job enqueued", DONE: "a job done"}

#: Statements that write, and operations of the broker, for each job.
WRITES_A_JOB, HINTS_A_JOB = 3, 2


class Unusable(click.ClickException):
    """What is missing from the measured figures, or wrong with them or with what is asked."""


class Cost(NamedTuple):
    """CPU time of one request, in microseconds."""

    server: float
    #: None: not told apart, so that `server` has it in.
    stores: float | None


@dataclass(frozen=True)
class Demand:
    """What is asked for.

    Raises:
        Unusable: a number is out of its bounds.
    """

    #: Requests a second.
    rate: float
    reports: float = 0.90
    reads: float = 0.08
    jobs: float = 0.02
    #: Of the reports: answered from a cache, and of them from the process's own memory.
    hits: float = 0.99
    memory_hits: float = 0.90
    #: Cores of a pod, and the share of them that shall be in use.
    cpu: float = 1.0
    use: float = 0.6
    #: gunicorn workers of a pod, and connections of each; jobs that a worker pod runs at once.
    workers: int = 2
    connections: int = 15
    jobs_at_once: int = 2

    def __post_init__(self) -> None:
        shares = (self.reports, self.reads, self.jobs)
        if min(shares) < 0 or not math.isclose(sum(shares), 1, abs_tol=1e-6):
            raise Unusable(f"the shares of reports, reads and jobs must be 0 or more and make 1, not {sum(shares):g}")
        if not 0 <= self.memory_hits <= self.hits <= 1:
            raise Unusable("hit rates must be 0 to 1, and that of memory not above that of all caches")
        if self.rate <= 0 or self.cpu <= 0 or not 0 < self.use <= 1:
            raise Unusable("the rate and a pod's CPU must be over 0, and the share of it in use over 0 and at most 1")


@dataclass(frozen=True)
class Need:
    """What that needs; per second where it is a rate."""

    api_cores: float
    api_pods: int
    reads: float
    writes: float
    redis: float
    #: None where the cost of a job done was not measured.
    worker_pods: int | None
    #: None where the stores' part was not measured.
    store_cores: float | None
    #: At most.
    connections: int


def read(file: Path) -> dict[str, Cost]:
    """Costs by path, of those that were measured.

    Raises:
        Unusable: it cannot be read, or has other figures than `make bench` writes.
    """
    try:
        rows = json.loads(file.read_text())["rows"]
        found = {row["path"]: _cost(row) for row in rows if row["name"] == NAME}
    except FileNotFoundError:
        raise Unusable(f"{file} is not there: `make bench` writes it") from None
    except (OSError, ValueError) as error:
        raise Unusable(f"{file} cannot be read: {error}") from error
    except (LookupError, TypeError) as error:
        raise Unusable(f"{file} is not what `make bench` writes: {error!r}") from error
    for path, cost in found.items():
        if not 0 < cost.server < math.inf:
            raise Unusable(f"{file}: {PATHS.get(path, path)} costs {cost.server} us of {NAME}: that cannot be")
    return found


def _cost(row: Mapping[str, Any]) -> Cost:
    whole, stores = float(row["cpu"]["median"]), row.get("stores")
    return Cost(whole, None) if stores is None else Cost(whole - float(stores), float(stores))


def reckon(demand: Demand, costs: Mapping[str, Cost]) -> Need:
    """By the formulae above.

    Raises:
        Unusable: the cost of something that is asked for was not measured.
    """
    loads = demand.reports * (1 - demand.hits)
    reads = demand.rate * (demand.reads + loads)
    jobs = demand.rate * demand.jobs
    asked = {REPORT: demand.rate * demand.reports, READ: reads, JOB: jobs}
    for path, rate in asked.items():
        if rate and path not in costs:
            raise Unusable(
                f"no row of {NAME} for {PATHS[path]}: run `make bench` with path {path}, or give it no share"
            )
    api_cores = sum(rate * costs[path].server for path, rate in asked.items() if rate) / 1e6
    api_pods = _pods(api_cores, demand)
    done = costs.get(DONE)
    worker_pods = _pods(jobs * done.server / 1e6, demand) if done else None if jobs else 0
    connections = api_pods * demand.workers * demand.connections + (worker_pods or 0) * (demand.jobs_at_once + 1)
    return Need(
        api_cores=api_cores,
        api_pods=api_pods,
        reads=reads,
        writes=WRITES_A_JOB * jobs,
        redis=demand.rate * demand.reports * (1 - demand.memory_hits) + demand.rate * loads + HINTS_A_JOB * jobs,
        worker_pods=worker_pods,
        store_cores=_store_cores({**asked, DONE: jobs}, costs),
        connections=connections,
    )


def _pods(cores: float, demand: Demand) -> int:
    return math.ceil(cores / (demand.cpu * demand.use))


def _store_cores(asked: Mapping[str, float], costs: Mapping[str, Cost]) -> float | None:
    total = 0.0
    for path, rate in asked.items():
        if rate:
            stores = costs[path].stores if path in costs else None
            if stores is None:
                return None
            total += rate * stores / 1e6
    return total


@click.command(help=__doc__)
@click.option("--bench", type=click.Path(path_type=Path), default=ROOT / "results" / "bench.json", help="Its figures.")
@click.option("--rate", "a_minute", type=float, default=1_000_000, show_default=True, help="Requests a minute.")
@click.option("--reports", type=float, default=Demand.reports, show_default=True, help="Share of cached reports.")
@click.option("--reads", type=float, default=Demand.reads, show_default=True, help="Share of database reads.")
@click.option("--jobs", type=float, default=Demand.jobs, show_default=True, help="Share of jobs enqueued.")
@click.option("--hits", type=float, default=Demand.hits, show_default=True, help="Of the reports, from a cache.")
@click.option("--memory-hits", type=float, default=Demand.memory_hits, show_default=True, help="Of them, from memory.")
@click.option("--cpu", type=float, default=Demand.cpu, show_default=True, help="Cores of a pod.")
@click.option("--use", type=float, default=Demand.use, show_default=True, help="Share of them in use.")
@click.option("--workers", type=click.IntRange(1), default=Demand.workers, show_default=True, help="Of a pod.")
@click.option("--connections", type=click.IntRange(1), default=Demand.connections, show_default=True, help="Of each.")
def main(bench: Path, a_minute: float, **asked: Any) -> None:
    demand = Demand(a_minute / 60, **asked)
    costs = read(bench)
    need = reckon(demand, costs)
    console = Console(width=max(100, Console().width))
    console.print(_costs_table(costs))
    console.print(_need_table(demand, need))


def _costs_table(costs: Mapping[str, Cost]) -> Table:
    table = Table("measured", "CPU us, server", "CPU us, stores")
    for path, title in PATHS.items():
        if path in costs:
            cost = costs[path]
            table.add_row(title, f"{cost.server:,.0f}", "in it" if cost.stores is None else f"{cost.stores:,.0f}")
    return _right(table)


def _need_table(demand: Demand, need: Need) -> Table:
    table = Table(
        f"{60 * demand.rate:,.0f} requests a minute",
        "needs",
        caption=f"{demand.reports:.0%} cached reports ({demand.hits:.1%} from a cache, {demand.memory_hits:.1%} from "
        f"memory), {demand.reads:.0%} reads, {demand.jobs:.0%} jobs; pods of {demand.cpu:g} CPU, {demand.use:.0%} used",
    )
    unknown = "not measured"
    for what, value in (
        ("cores of the API", f"{need.api_cores:,.1f}"),
        ("API pods", f"{need.api_pods:,}"),
        ("worker pods", unknown if need.worker_pods is None else f"{need.worker_pods:,}"),
        ("cores of PostgreSQL and Redis", unknown if need.store_cores is None else f"{need.store_cores:,.1f}"),
        ("database connections at most", f"{need.connections:,}"),
        ("PostgreSQL reads a second", f"{need.reads:,.0f}"),
        ("PostgreSQL writes a second", f"{need.writes:,.0f}"),
        ("Redis operations a second", f"{need.redis:,.0f}"),
    ):
        table.add_row(what, value)
    return _right(table)


def _right(table: Table) -> Table:
    columns: Sequence[Any] = table.columns[1:]
    for column in columns:
        column.justify = "right"
    return table


if __name__ == "__main__":
    main()

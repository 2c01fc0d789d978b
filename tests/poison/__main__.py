"""`python -m tests.poison`: healthy jobs a second with a share of poison among them, and without, in turn A B B A.

Each run has a database, a queue and a Celery worker of its own, which starts once all its jobs wait. A third of the
poison kills its process, a third takes all memory, a third never ends and is stopped after half a second; all have
as many attempts as their tasks say. Writes results/poison.json. The exit code is 1 where the ratio is under the gate.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import mean

import click
from sqlalchemy import text

from flask_scale import migrate
from flask_scale.dev.account import temporary_folder, unprivileged
from flask_scale.dev.postgres import Postgres
from flask_scale.dev.valkey import Valkey
from flask_scale.settings import Settings
from tests.load.figures import Results
from tests.support import servers
from tests.support.apps import jobs as tasks
from tests.support.apps import poison
from tests.support.jobs import Farm, wait_for

RESULTS = Path(__file__).parents[2] / "results" / "poison.json"

KINDS = (poison.killed, poison.greedy, tasks.endless)

#: Of what a healthy worker does, so much must be left.
LEAST = 0.95

#: A tenth of what `greedy` wants.
MEMORY = str(poison.GREED * 1024 * 1024 // 10)

#: From the claim of the first healthy job to the end of the last.
RATE = text(
    """SELECT count(*) / extract(epoch FROM max(finished_at) - min(started_at))
    FROM jobs WHERE task = 'healthy' AND state = 'succeeded'"""
)

STATES = text("SELECT count(*) FROM jobs WHERE state <> (CASE task WHEN 'healthy' THEN 'succeeded' ELSE 'dead' END)")


@click.command()
@click.option("--jobs", type=click.IntRange(1), default=5000, show_default=True, help="Jobs of a run, poison included.")
@click.option("--poison", "share", type=click.FloatRange(0, 1), default=0.01, show_default=True, help="Its share.")
@click.option("--work", type=click.FloatRange(0), default=0.05, show_default=True, help="Seconds of a healthy job.")
@click.option("--concurrency", type=click.IntRange(1), default=2, show_default=True, help="The worker's processes.")
@click.option("--longest", type=float, default=3600, show_default=True, help="A run over so many seconds fails.")
def main(jobs: int, share: float, work: float, concurrency: int, longest: float) -> None:
    """Run A B B A, and tell the rates and their ratio."""
    rates: dict[bool, list[float]] = {False: [], True: []}
    with stores() as (postgres, broker):
        for number, poisoned in enumerate((False, True, True, False)):
            rate = run(postgres, broker, number, round(jobs * share), jobs, poisoned, work, concurrency, longest)
            rates[poisoned].append(rate)
            print(f"{'with' if poisoned else 'without'} poison: {rate:.1f} healthy jobs/s", flush=True)
    ratio = mean(rates[True]) / mean(rates[False])
    print(f"ratio: {ratio:.3f} (gate: >= {LEAST})")
    results = Results(RESULTS)
    results.add("poison: healthy jobs without it", round(mean(rates[False]), 1), "jobs/s")
    results.add("poison: healthy jobs with it", round(mean(rates[True]), 1), "jobs/s")
    results.at_least(f"poison: ratio at a share of {share:g}", round(ratio, 3), "", LEAST)
    results.write()
    sys.exit(1 if results.failing() else 0)


def run(
    postgres: Postgres,
    broker: Valkey,
    number: int,
    bad: int,
    jobs: int,
    poisoned: bool,
    work: float,
    concurrency: int,
    longest: float,
) -> float:
    """One run; gives the healthy jobs' rate. Every job must come to the end that is due to it."""
    url = postgres.create_database(f"poison_{number}")
    migrate.upgrade(Settings(database_url=url))
    with (
        servers.flushed(broker) as broker_url,
        tempfile.TemporaryDirectory(prefix="poison-") as folder,
        Farm(url, broker_url, Path(folder), job_max_memory_bytes=MEMORY) as farm,
    ):
        every = jobs // bad if bad else jobs + 1
        for place in range(jobs):
            if place % every != every // 2 or place // every >= bad:
                poison.healthy.enqueue(work)
            elif poisoned:
                KINDS[place // every % len(KINDS)].enqueue()
        farm.worker("tests.support.apps.poison:create_app()", worker_concurrency=str(concurrency))
        wait_for(lambda: count(farm, STATES) == 0, longest)
        return count(farm, RATE)


def count(farm: Farm, statement: object) -> float:
    """The one number that a statement gives."""
    with farm.database.statement() as session:
        return float(session.scalar(statement))


@contextmanager
def stores() -> Iterator[tuple[Postgres, Valkey]]:
    """A PostgreSQL and a broker for the runs."""
    with ExitStack() as stack:
        folder = stack.enter_context(temporary_folder(unprivileged()))
        postgres = stack.enter_context(servers.running(servers.postgres(folder)))
        broker = stack.enter_context(servers.running(servers.broker(folder)))
        yield postgres, broker


if __name__ == "__main__":
    main()

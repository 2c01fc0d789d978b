"""Compare an import with plain COPY: the same rows into the same indexed table, in one run on one server.

    python benchmarks/import_vs_copy.py --rows 1000000

A PostgreSQL of its own, with its defaults (every commit is flushed), holds the directory's tables. COPY goes
first, from a plain file into an empty `users`; then the table is emptied, and the import job runs in a process
of its own from the file that an upload left, with all it does: decoding, checking, conflicts, checkpoints. Between
the two a checkpoint of the server. Prints the figures and writes them to results/import_vs_copy.json; the exit
code is 1 where a gate does not hold.
"""

import json
import multiprocessing
import re
import sys
import time
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from uuid import UUID

import click
import psutil
import psycopg2
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from examples.data import generate  # noqa: E402
from flask_scale import migrate  # noqa: E402
from flask_scale.dev.account import temporary_folder, unprivileged  # noqa: E402
from flask_scale.dev.postgres import Postgres  # noqa: E402
from flask_scale.dev.process import free_port  # noqa: E402
from flask_scale.jobs.runner import Runner  # noqa: E402
from flask_scale.settings import Settings  # noqa: E402
from services.domain import files  # noqa: E402
from services.domain.files import FileWriter  # noqa: E402
from services.domain.scale import scale  # noqa: E402
from services.domain.tasks import import_users  # noqa: E402
from services.worker.app import create_app  # noqa: E402

MIGRATIONS = str(ROOT / "services" / "domain" / "migrations")
COPY = "COPY users (email, name, country, created_at) FROM STDIN (FORMAT csv, HEADER)"
PIECE_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Result:
    """One figure, and whether its gate holds; None has no gate."""

    name: str
    value: float
    unit: str
    gate: str | None = None
    holds: bool | None = None


@click.command()
@click.option("--rows", default=1_000_000, show_default=True, type=click.IntRange(min=1000))
@click.option("--seed", default=1, show_default=True)
@click.option("--file", type=click.Path(path_type=Path, dir_okay=False), help="Keep and use the rows here.")
def main(rows: int, seed: int, file: Path | None) -> None:
    """Measure, print, and keep the figures."""
    with temporary_folder(unprivileged()) as folder:
        path = file or folder / "users.csv"
        if not path.exists():
            _generate(path, rows, seed)
        server = Postgres(folder / "postgres", free_port())
        server.start()
        try:
            results = _measure(server, path, rows)
        finally:
            server.stop()
    _print(results)
    _keep(results)
    sys.exit(0 if all(result.holds is not False for result in results) else 1)


def _measure(server: Postgres, path: Path, rows: int) -> list[Result]:
    url = server.create_database("directory")
    migrate.upgrade(Settings(database_url=url, migrations=MIGRATIONS))
    copy_seconds = _copy(url, path)
    _empty(url)
    job_id = _upload(url, path)
    seconds, peak = _import(url, job_id)
    _check(url, rows)
    ratio = copy_seconds / seconds
    return [
        Result("rows", rows, "rows"),
        Result("COPY", round(copy_seconds, 2), "s"),
        Result("import", round(seconds, 2), "s"),
        Result("import rate", round(rows / seconds), "rows/s"),
        Result("import speed against COPY", round(ratio, 3), "x", ">= 0.5", ratio >= 0.5),
        Result("peak memory of the importing process", round(peak, 1), "MiB", "< 150", peak < 150),
    ]


def _generate(path: Path, rows: int, seed: int) -> None:
    with Progress() as progress:
        bar = progress.add_task("making up users", total=rows)
        generate.write_file(path, rows, seed, packed=False, on_rows=lambda done: progress.advance(bar, done))


def _copy(url: str, path: Path) -> float:
    connection = psycopg2.connect(url)
    began = time.perf_counter()
    with connection, connection.cursor() as cursor, path.open("rb") as file:
        cursor.copy_expert(COPY, file)
    seconds = time.perf_counter() - began
    connection.close()
    return seconds


def _empty(url: str) -> None:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE users RESTART IDENTITY")
        cursor.execute("CHECKPOINT")
    connection.close()


def _upload(url: str, path: Path) -> str:
    app = create_app({"FLASK_SCALE_DATABASE_URL": url})
    with app.app_context(), scale.database.transaction() as session, path.open("rb") as source:
        file = files.create(session, name=path.name, content_type="text/csv")
        writer = FileWriter(file.id)
        while piece := source.read(PIECE_BYTES):
            writer.write(session, piece)
        writer.close(session)
        job = import_users.enqueue(session=session, file_id=file.id)
        file.job_id = UUID(job.id)
    return job.id


def _import(url: str, job_id: str) -> tuple[float, float]:
    """Seconds from the claim to the end, and the peak of memory in MiB."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(url, job_id, sender))
    process.start()
    seconds, peak = receiver.recv()
    process.join()
    return seconds, peak


def _work(url: str, job_id: str, sender: Connection) -> None:
    runner = Runner(create_app({"FLASK_SCALE_DATABASE_URL": url}), worker="benchmark")
    began = time.perf_counter()
    runner.run(job_id)
    seconds = time.perf_counter() - began
    sender.send((seconds, _peak_mib()))


def _peak_mib() -> float:
    """The most memory that this process has had; `ru_maxrss` would count its parent's too."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) / 1024


def _check(url: str, rows: int) -> None:
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT state, result ->> 'inserted', (SELECT count(*) FROM users) FROM jobs")
        assert cursor.fetchone() == ("succeeded", str(rows), rows)
    connection.close()


def _print(results: list[Result]) -> None:
    table = Table("figure", "value", "unit", "gate", "holds")
    for result in results:
        holds = {None: "", True: "yes", False: "NO"}[result.holds]
        table.add_row(result.name, f"{result.value:,}", result.unit, result.gate or "", holds)
    console = Console()
    console.print(table)
    console.print(f"{psutil.cpu_count()} CPUs, Python {sys.version.split()[0]}")


def _keep(results: list[Result]) -> None:
    folder = ROOT / "results"
    folder.mkdir(exist_ok=True)
    text = json.dumps([asdict(result) for result in results], indent=2)
    (folder / "import_vs_copy.json").write_text(text + "\n")


if __name__ == "__main__":
    main()

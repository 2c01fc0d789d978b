"""`flask-scale jobs`: look at jobs and change them, by the database alone; no app is loaded."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from flask_scale.database import Database
from flask_scale.errors import JobNotFound, JobStateError
from flask_scale.jobs import FINISHED, STATES, Job, JobEvent, Jobs, JobState
from flask_scale.jobs.postgres import PostgresJobStore
from flask_scale.settings import load_settings

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document instead of a table.")
only_task = click.option("--task", help="Only jobs of this task.")
only_owner = click.option("--owner", help="Only this owner's jobs.")

#: Jobs that one statement reads or deletes.
BATCH = 500

#: Seconds of each unit of an age.
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
LONGEST_AGE_SECONDS = 3e9


class Age(click.ParamType[float]):
    """A length of time in words: 90s, 30m, 12h, 7d, 2w. Gives seconds."""

    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        number, unit = str(value)[:-1], str(value)[-1:]
        if not (number.isascii() and number.isdigit() and unit in UNITS):
            self.fail(f"{value!r} is no age: give a number and s, m, h, d or w, such as 7d", param, ctx)
        seconds = float(number) * UNITS[unit]
        if seconds > LONGEST_AGE_SECONDS:
            self.fail(f"{value!r} is longer than any database is old", param, ctx)
        return seconds


@click.group("jobs")
def command() -> None:
    """List, show, retry, cancel and purge jobs.

    Reads FLASK_SCALE_DATABASE_URL, and FLASK_SCALE_BROKER_URL so that a retried job starts at once. Exit codes:
    0 is done, 1 is not found or refused, 2 is wrong usage or settings.

    \b
    Examples:
      flask-scale jobs list --state dead
      flask-scale jobs show 6f9619ff-8b86-4d01-b42d-00cf4fc964ff
      flask-scale jobs retry --state dead --task users.import
      flask-scale jobs purge --older-than 7d --state dead --dry-run
    """


@command.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only jobs in this state.")
@only_task
@only_owner
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="At most so many.")
@as_json
def list_jobs(state: str | None, task: str | None, owner: str | None, limit: int, as_json: bool) -> None:
    """List jobs, newest first."""
    with _jobs() as jobs:
        found = jobs.list(owner, cast("JobState | None", state), task, limit)
    if as_json:
        _print_json([job.as_dict() for job in found])
        return
    table = _table("id", "task", "state", "attempt", "progress", "created", "error")
    for job in found:
        table.add_row(
            job.id,
            job.task,
            job.state,
            f"{job.attempt}/{job.max_attempts}",
            _progress(job),
            _time(job.created_at),
            f"{job.error['type']}: {job.error['message']}"[:60] if job.error else "",
        )
    _print(table)


@command.command("show")
@click.argument("job_id")
@as_json
def show(job_id: str, as_json: bool) -> None:
    """Show a job, its last error and its history."""
    with _jobs() as jobs:
        job = jobs.get(job_id)
        events = jobs.events(job_id)
    if as_json:
        _print_json({**job.as_dict(), "error": job.error, "events": [_event_dict(event) for event in events]})
        return
    facts = _table("", "", show_header=False)
    for name, value in job.as_dict().items():
        if name != "error":
            facts.add_row(name, value if isinstance(value, str) else json.dumps(value))
    history = _table("at", "event", "attempt", "worker", "detail")
    for event in events:
        detail = json.dumps(event.detail) if event.detail else ""
        history.add_row(_time(event.at), event.event, str(event.attempt), event.worker or "", detail)
    _print(facts, history)
    if job.error:
        click.echo(f"\n{job.error['type']}: {job.error['message']}\n\n{job.error['traceback']}")


@command.command("retry")
@click.argument("job_ids", nargs=-1)
@click.option("--state", type=click.Choice(["dead", "cancelled"]), help="All jobs in this state.")
@only_task
@only_owner
def retry(job_ids: tuple[str, ...], state: str | None, task: str | None, owner: str | None) -> None:
    """Queue dead or cancelled jobs again; each goes on from its checkpoint.

    Name them, or choose them by --state, --task and --owner: without --state, the dead ones.
    """
    with _jobs() as jobs:
        chosen = _chosen(jobs, job_ids, (state or "dead",), bool(state), task, owner)
        _each(chosen, jobs.requeue, count=not job_ids)


@command.command("cancel")
@click.argument("job_ids", nargs=-1)
@click.option("--state", type=click.Choice(["queued", "running"]), help="All jobs in this state.")
@only_task
@only_owner
def cancel(job_ids: tuple[str, ...], state: str | None, task: str | None, owner: str | None) -> None:
    """Cancel queued jobs, and ask running ones to stop.

    Name them, or choose them by --state, --task and --owner: without --state, queued and running ones.
    """
    with _jobs() as jobs:
        chosen = _chosen(jobs, job_ids, (state,) if state else ("queued", "running"), bool(state), task, owner)
        # One that went on meanwhile is not what was asked for.
        only = cast("JobState | None", state)
        _each(chosen, lambda job_id: jobs.cancel(job_id, state=only), count=not job_ids)


@command.command("purge")
@click.option(
    "--older-than", "age", type=Age(), required=True, help="Only jobs that finished longer ago: 90s, 30m, 12h, 7d, 2w."
)
@click.option("--state", type=click.Choice(sorted(FINISHED)), help="Only jobs that ended so.")
@click.option("--dry-run", is_flag=True, help="Say how many, and delete none.")
def purge(age: float, state: str | None, dry_run: bool) -> None:
    """Delete finished jobs with their events; never a queued or running one.

    Celery workers do this by themselves at the age of FLASK_SCALE_JOB_KEEP_SECONDS. It goes in batches that workers
    do not wait for, and may be stopped and started again at any time.
    """
    ended = cast("JobState | None", state)
    with _jobs() as jobs:
        if dry_run:
            found = jobs.store.count_finished(age_seconds=age, state=ended)
            click.echo(f"would delete {_counted(found)}")
            return
        gone = batch = jobs.store.purge(BATCH, age_seconds=age, state=ended)
        # Not until none is left: with a short age, others finish meanwhile.
        while batch == BATCH:
            click.echo(f"deleting, {_counted(gone)} so far", err=True)
            batch = jobs.store.purge(BATCH, age_seconds=age, state=ended)
            gone += batch
    click.echo(f"deleted {_counted(gone)}")


def _counted(jobs: int) -> str:
    return "1 job" if jobs == 1 else f"{jobs} jobs"


def _chosen(
    jobs: Jobs, job_ids: tuple[str, ...], states: tuple[str, ...], by_state: bool, task: str | None, owner: str | None
) -> Iterator[str]:
    """The named jobs, or those that the options choose.

    Raises:
        click.UsageError: both or neither are given.
    """
    if bool(job_ids) == (by_state or task is not None or owner is not None):
        raise click.UsageError("give either job ids, or --state, --task or --owner")
    return iter(job_ids) if job_ids else _matching(jobs, states, task, owner)


def _matching(jobs: Jobs, states: tuple[str, ...], task: str | None, owner: str | None) -> Iterator[str]:
    for state in states:
        before = None
        while page := jobs.list(owner, cast("JobState", state), task, BATCH, before):
            yield from (job.id for job in page)
            before = (page[-1].created_at, page[-1].id)


def _each(job_ids: Iterable[str], change: Callable[[str], Job], *, count: bool) -> None:
    """Change them all and tell each; with `count`, in the end how many: one that chose by options named none."""
    changed = 0
    failed = False
    for job_id in job_ids:
        try:
            job = change(job_id)
            changed += 1
            click.echo(f"{job.id} {'is asked to stop' if job.state == 'running' else job.state}")
        except (JobNotFound, JobStateError) as error:
            click.echo(f"flask-scale: {error}", err=True)
            failed = True
    if count:
        click.echo(_counted(changed), err=True)
    if failed:
        sys.exit(1)


@contextmanager
def _jobs() -> Iterator[Jobs]:
    settings = load_settings()
    database = Database(settings)
    jobs = Jobs(PostgresJobStore(database), settings)
    try:
        yield jobs
    except JobNotFound as error:
        raise click.ClickException(str(error)) from error
    except SQLAlchemyError as error:
        raise click.ClickException(str(getattr(error, "orig", error)).strip()) from error
    finally:
        jobs.close()
        database.close()


def _table(*columns: str, show_header: bool = True) -> Table:
    table = Table(box=None, pad_edge=False, show_header=show_header, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _print(*tables: Table) -> None:
    console = Console(width=None if sys.stdout.isatty() else 240, markup=False, highlight=False)
    for table in tables:
        console.print(table)


def _print_json(document: Any) -> None:
    click.echo(json.dumps(document, indent=2))


def _progress(job: Job) -> str:
    if job.progress is None:
        return ""
    done, total = job.progress["done"], job.progress["total"]
    return f"{done}/{total}" if total else str(done)


def _time(moment: datetime) -> str:
    return moment.astimezone().isoformat(sep=" ", timespec="seconds")


def _event_dict(event: JobEvent) -> dict[str, Any]:
    return {**vars(event), "at": event.at.isoformat()}

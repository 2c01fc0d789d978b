"""`flask-scale jobs`: look at jobs and change them, by the database alone; no app is loaded."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from flask_scale.database import Database
from flask_scale.errors import JobNotFound, JobStateError
from flask_scale.jobs import STATES, Job, JobEvent, Jobs, JobState
from flask_scale.jobs.postgres import PostgresJobStore
from flask_scale.settings import load_settings

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document instead of a table.")


@click.group("jobs")
def command() -> None:
    """List, show, retry and cancel jobs.

    Reads FLASK_SCALE_DATABASE_URL, and FLASK_SCALE_BROKER_URL so that a retried job starts at once. Exit codes:
    0 is done, 1 is not found or refused, 2 is wrong usage or settings.

    \b
    Examples:
      flask-scale jobs list --state dead
      flask-scale jobs show 6f9619ff-8b86-4d01-b42d-00cf4fc964ff
      flask-scale jobs list --state dead --json | jq -r '.[].id' | xargs flask-scale jobs retry
    """


@command.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only jobs in this state.")
@click.option("--task", help="Only jobs of this task.")
@click.option("--owner", help="Only this owner's jobs.")
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
        click.echo(f"\n{job.error['traceback'] or job.error['type'] + ': ' + job.error['message']}")


@command.command("retry")
@click.argument("job_ids", nargs=-1, required=True)
def retry(job_ids: tuple[str, ...]) -> None:
    """Queue dead or cancelled jobs again; each goes on from its checkpoint."""
    with _jobs() as jobs:
        _each(job_ids, lambda job_id: jobs.requeue(job_id))


@command.command("cancel")
@click.argument("job_ids", nargs=-1, required=True)
def cancel(job_ids: tuple[str, ...]) -> None:
    """Cancel queued jobs, and ask running ones to stop."""
    with _jobs() as jobs:
        _each(job_ids, lambda job_id: jobs.cancel(job_id))


def _each(job_ids: tuple[str, ...], change: Any) -> None:
    failed = False
    for job_id in job_ids:
        try:
            job = change(job_id)
            click.echo(f"{job.id} {'is asked to stop' if job.state == 'running' else job.state}")
        except (JobNotFound, JobStateError) as error:
            click.echo(f"flask-scale: {error}", err=True)
            failed = True
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

"""Periodic jobs: which ticks a cron line has, and one run for each tick over all Celery workers.

A schedule's row in the store says which tick its last run was for. Moving it on and accepting the run are one
statement, so that whoever comes first makes the run; there is no leader that could be lost.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flask_scale.errors import TaskError
from flask_scale.jobs.contract import AWAY, JobStore, Standby
from flask_scale.settings import Settings

if TYPE_CHECKING:
    from flask_scale.jobs.task import Task

logger = logging.getLogger(__name__)

#: A tick of a line that is new to the schedule is run only while it is so young, in seconds.
FRESH_SECONDS = 60.0


@dataclass(frozen=True)
class Schedule:
    """A task's cron line, with the arguments of its runs. Make one with `task.periodic`."""

    #: The task's name, and the schedule's own where a task has several.
    name: str
    task: "Task"
    cron: str
    time_zone: str
    #: JSON text.
    args: str

    def last_tick(self, now: datetime) -> datetime:
        """The latest tick at or before `now`.

        As Debian's cron has it: a time that the clocks skip in spring is run right after, one that they repeat in
        autumn once; a line whose minute or hour is a star runs as the time goes.

        Raises:
            TaskError: the line is not one, has no tick, or its time zone is unknown.
        """
        # Imported where it is needed: an app without periodic jobs does not load it.
        from cronsim import CronSim, CronSimError

        try:
            local = now.astimezone(ZoneInfo(self.time_zone))
        except (KeyError, TypeError, ValueError, OSError):
            raise TaskError(
                f"schedule {self.name!r}: {self.time_zone!r} is no time zone such as Europe/Paris"
            ) from None
        try:
            if not isinstance(self.cron, str) or len(self.cron.split()) != 5:
                raise CronSimError("give minute, hour, day, month and weekday")
            # Backwards it begins with the second that a fraction belongs to.
            return next(CronSim(self.cron, local.replace(microsecond=1), reverse=True))
        except CronSimError as error:
            raise TaskError(
                f"schedule {self.name!r}: {self.cron!r} is no cron line such as '*/5 * * * *': {error}"
            ) from None
        except StopIteration:
            raise TaskError(f"schedule {self.name!r}: {self.cron!r} never comes") from None

    def standby(self, tick: datetime) -> Standby:
        """Its row once the run for `tick` was made."""
        return Standby(self.cron, self.time_zone, tick)


def start_due(store: JobStore, settings: Settings, schedules: Sequence[Schedule]) -> None:
    """Accept a run of each schedule that has had a tick since its last run, unless that is not over.

    However many ticks were missed, it is one run. A schedule that is new begins with its next tick, and so does one
    whose line was changed: where two releases with different lines run side by side, each makes its own ticks' runs.

    Failure policy: what is wrong with one schedule is told in the log, and holds up no other.
    """
    if not schedules:
        return
    now, rows = store.schedules([schedule.name for schedule in schedules])
    for schedule in schedules:
        try:
            _look(store, settings, schedule, rows.get(schedule.name), now)
        except AWAY:
            raise
        except Exception:
            logger.exception("schedule %s: its run could not be accepted", schedule.name)


def _look(store: JobStore, settings: Settings, schedule: Schedule, row: Standby | None, now: datetime) -> None:
    due = schedule.standby(schedule.last_tick(now))
    if row is None or _is_anothers(row, due, now, settings):
        store.note_schedule(schedule.name, due)
    elif due.tick > row.tick:
        _start(store, settings, schedule, due)


def _is_anothers(row: Standby, due: Standby, now: datetime, settings: Settings) -> bool:
    """True where the tick is too old to be run by a line that is not the row's."""
    fresh = max(FRESH_SECONDS, settings.job_sweep_seconds * 3)
    return (row.cron, row.time_zone) != (due.cron, due.time_zone) and (now - due.tick).total_seconds() > fresh


def _start(store: JobStore, settings: Settings, schedule: Schedule, due: Standby) -> None:
    new = schedule.task.new_job(schedule.args, settings, unique_key=f"periodic:{schedule.name}")
    job = store.start_periodic(schedule.name, due, new)
    if job is not None:
        logger.info("job %s (%s): the run for %s", job.id, schedule.name, due.tick.isoformat())

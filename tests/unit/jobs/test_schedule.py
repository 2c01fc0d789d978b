"""Cron lines, and the runs that become due, on the in-memory store."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError, OperationalError

from flask_scale import FlaskScale
from flask_scale.errors import TaskError
from flask_scale.jobs.schedule import start_due
from flask_scale.settings import Settings
from flask_scale.testing.jobs import run_jobs

HOUR, DAY = 3600.0, 86_400.0


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def last_tick(cron, zone, now):
    task = FlaskScale().task("t")(lambda job: None)
    task.periodic(cron, time_zone=zone)
    return task.schedules[0].last_tick(at(now)).astimezone(UTC)


@pytest.mark.parametrize(
    ("cron", "zone", "now", "tick"),
    [
        ("*/5 * * * *", "UTC", "2024-05-01T12:07:30", "2024-05-01T12:05:00"),
        ("*/5 * * * *", "UTC", "2024-05-01T12:05:00", "2024-05-01T12:05:00"),
        ("*/5 * * * *", "UTC", "2024-05-01T12:04:59.999999", "2024-05-01T12:00:00"),
        ("0 2 * * *", "Europe/Paris", "2024-05-01T12:00:00", "2024-05-01T00:00:00"),
        ("0 2 * * *", "Europe/Paris", "2024-01-01T12:00:00", "2024-01-01T01:00:00"),
        ("30 6 * * MON-FRI", "America/New_York", "2024-05-05T12:00:00", "2024-05-03T10:30:00"),
        ("0 0 29 2 *", "UTC", "2027-06-01T00:00:00", "2024-02-29T00:00:00"),
        ("0 0 1,15 * *", "UTC", "2024-03-14T00:00:00", "2024-03-01T00:00:00"),
        # The clocks of Paris skip 02:30 on 2024-03-31: it is run at 03:00, an hour after 01:00Z was not yet.
        ("30 2 * * *", "Europe/Paris", "2024-03-31T00:59:59", "2024-03-30T01:30:00"),
        ("30 2 * * *", "Europe/Paris", "2024-03-31T01:30:00", "2024-03-31T01:00:00"),
        # They have 02:30 twice on 2024-10-27: the first one counts.
        ("30 2 * * *", "Europe/Paris", "2024-10-27T00:30:00", "2024-10-27T00:30:00"),
        ("30 2 * * *", "Europe/Paris", "2024-10-27T05:00:00", "2024-10-27T00:30:00"),
        ("*/30 * * * *", "Europe/Paris", "2024-10-27T01:10:00", "2024-10-27T01:00:00"),
    ],
)
def test_the_last_tick_of_a_line_is_that_of_its_zones_clocks(cron, zone, now, tick):
    assert last_tick(cron, zone, now) == at(tick)


@pytest.mark.parametrize(
    ("cron", "zone", "why"),
    [
        ("* * * *", "UTC", "give minute, hour, day, month and weekday"),
        ("0 * * * * *", "UTC", "give minute, hour"),
        ("", "UTC", "no cron line"),
        ("60 * * * *", "UTC", "Bad minute"),
        ("0 0 30 2 *", "UTC", "Bad day-of-month"),
        ("0 0 * 2 MON#5-", "UTC", "no cron line"),
        ("* * * * *", "Europe/Pariss", "is no time zone such as Europe/Paris"),
        ("* * * * *", "", "is no time zone"),
        ("* * * * *", "../etc/passwd", "is no time zone"),
        ("* * * * *", "Europe", "is no time zone"),
        ("* * * * *", None, "is no time zone"),
        (5, "UTC", "give minute, hour"),
        (None, "Europe/Paris", "give cron too"),
    ],
)
def test_a_line_or_zone_that_is_none_is_refused_where_it_is_declared(cron, zone, why):
    scale = FlaskScale()
    with pytest.raises(TaskError, match=why):
        scale.task("nightly", cron=cron, time_zone=zone)(lambda job: None)
    assert len(scale.tasks) == 0


def test_the_arguments_of_a_periodic_job_are_the_tasks(farm):
    with pytest.raises(TaskError, match="missing a required argument"):
        farm.scale.task("report", cron="* * * * *")(lambda job, year: None)
    task = farm.scale.task("report")(lambda job, year: None)
    with pytest.raises(TaskError, match="missing a required argument"):
        task.periodic("* * * * *")


def test_schedules_of_a_task_have_names(farm):
    task = farm.scale.task("report", cron="0 1 * * *")(lambda job, region="all": None)
    with pytest.raises(TaskError, match="schedule 'report' is there already"):
        task.periodic("0 2 * * *")
    task.periodic("0 2 * * *", name="eu", kwargs={"region": "eu"})
    assert [schedule.name for schedule in farm.scale.tasks.schedules()] == ["report", "report:eu"]


def test_two_tasks_whose_schedules_have_one_name_are_refused_where_they_would_run(farm):
    farm.scale.task("mail:daily", cron="0 1 * * *")(lambda job: None)
    farm.scale.task("mail")(lambda job: None).periodic("0 2 * * *", name="daily")
    with pytest.raises(TaskError, match="'mail:daily' and 'mail' both have a schedule 'mail:daily'"):
        farm.scale.tasks.schedules()


def test_only_schedules_of_tasks_with_a_handler_here_are_looked_after():
    class Nothing(BaseModel):
        pass

    scale = FlaskScale()
    task = scale.declare_task("elsewhere", args=Nothing)
    task.periodic("* * * * *")
    assert scale.tasks.schedules() == []
    task.handler(lambda job, args: None)
    assert len(scale.tasks.schedules()) == 1


@pytest.fixture
def ran():
    return []


@pytest.fixture
def nightly(farm, ran):
    """A task at two o'clock, seen by a sweep at midnight."""
    task = farm.scale.task("nightly", cron="0 2 * * *")(lambda job: ran.append(farm.clock()))
    sweep(farm)
    return task


def sweep(farm, *tasks, **settings):
    schedules = [schedule for task in tasks or list(farm.scale.tasks) for schedule in task.schedules]
    start_due(farm.store, Settings(**settings), schedules)
    run_jobs(farm.app)


def test_a_new_schedule_begins_with_its_next_tick_and_each_tick_is_run_once(farm, nightly, ran):
    sweep(farm)
    assert ran == []
    farm.clock.advance(2 * HOUR)
    for _ in range(3):
        sweep(farm)
    assert len(ran) == 1
    farm.clock.advance(DAY)
    sweep(farm)
    assert len(ran) == 2


def test_ticks_that_were_missed_are_run_once(farm, nightly, ran):
    farm.clock.advance(10 * DAY)
    sweep(farm)
    sweep(farm)
    assert len(ran) == 1


def test_a_tick_whose_run_before_is_not_over_is_run_after_it(farm, nightly, ran):
    farm.clock.advance(2 * HOUR)
    schedules = nightly.schedules
    start_due(farm.store, Settings(), schedules)
    farm.clock.advance(DAY)
    start_due(farm.store, Settings(), schedules)
    assert len(farm.jobs.list()) == 1
    run_jobs(farm.app)
    sweep(farm)
    assert len(ran) == len(farm.jobs.list()) == 2


def test_a_run_has_the_schedules_arguments_and_the_tasks_words(farm):
    seen = []
    task = farm.scale.task("report", queue="slow", max_attempts=7)(
        lambda job, *args, **kwargs: seen.append((args, kwargs))
    )
    task.periodic("* * * * *", args=[2024], kwargs={"region": "eu"})
    sweep(farm)
    farm.clock.advance(60)
    sweep(farm)
    [job] = farm.jobs.list()
    assert seen == [((2024,), {"region": "eu"})]
    assert (job.queue, job.max_attempts, job.owner) == ("slow", 7, None)


def other_line(cron):
    """The task as another release declares it."""
    return FlaskScale().task("nightly", cron=cron)(lambda job: None)


def test_a_changed_line_begins_with_its_next_tick(farm, nightly, ran):
    farm.clock.advance(15 * HOUR)
    sweep(farm)
    assert len(ran) == 1
    sweep(farm, other_line("0 12 * * *"))
    assert len(ran) == 1
    farm.clock.advance(21 * HOUR)
    sweep(farm, other_line("0 12 * * *"))
    assert len(ran) == 2


def test_while_two_releases_with_other_lines_sweep_side_by_side_each_tick_is_run_once(farm, nightly, ran):
    after = other_line("0 12 * * *")
    for _ in range(2 * 24 * 120):
        farm.clock.advance(30)
        sweep(farm, nightly)
        sweep(farm, after)
    assert [moment.hour for moment in ran] == [2, 12, 2, 12]


def test_clocks_of_the_process_do_not_count(farm, nightly, ran):
    assert farm.clock() < datetime.now(UTC) - timedelta(days=300)
    sweep(farm)
    assert ran == []


def test_a_schedule_whose_run_is_refused_holds_up_no_other_and_is_told(farm, ran, monkeypatch, caplog):
    farm.scale.task("bad", cron="* * * * *")(lambda job: None)
    farm.scale.task("good", cron="* * * * *")(lambda job: ran.append(1))
    sweep(farm)
    farm.clock.advance(60)
    accept = farm.store.insert

    def insert(session, new):
        if new.task == "bad":
            raise IntegrityError("INSERT", {}, Exception("a check of the table"))
        return accept(session, new)

    monkeypatch.setattr(farm.store, "insert", insert)
    sweep(farm)
    assert ran == [1]
    assert "schedule bad: its run could not be accepted" in caplog.text


def test_a_database_that_is_away_ends_the_look(farm, nightly, monkeypatch):
    def away(*_arguments):
        raise OperationalError("INSERT", {}, Exception("no server"))

    monkeypatch.setattr(farm.store, "start_periodic", away)
    farm.clock.advance(2 * HOUR)
    with pytest.raises(OperationalError):
        sweep(farm)

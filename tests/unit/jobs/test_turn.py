"""A turn: which jobs a process runs for one hint, when it stops, and whom it wakes then."""

import pytest
from sqlalchemy.exc import OperationalError

from flask_scale.jobs.publisher import ENOUGH
from flask_scale.jobs.runner import Runner
from flask_scale.jobs.turn import WAKES
from flask_scale.testing.jobs import history


class Hints:
    """A publisher that keeps what it is given."""

    ready = False

    def __init__(self):
        self.sent = []

    def publish(self, hints, *, enough=ENOUGH):
        self.sent += [hint.job_id for hint in hints]
        return True


@pytest.fixture(autouse=True)
def long_turns(monkeypatch):
    """Longer than any test takes: a busy machine ends none."""
    monkeypatch.setattr("flask_scale.jobs.turn.TURN_SECONDS", 600)


@pytest.fixture
def hints(farm):
    farm.jobs.publisher = Hints()
    return farm.jobs.publisher


@pytest.fixture
def add(farm, hints):
    return farm.scale.task("add")(lambda job: None)


def take_turn(farm, job, queue="default", stopping=lambda: False):
    Runner(farm.app, worker="one", stopping=stopping).run(job.id, queue)


def states(farm, jobs):
    return [farm.jobs.get(job.id).state for job in jobs]


def test_a_turn_runs_the_job_of_its_hint_and_then_the_longest_due_of_its_queue(farm, hints):
    ran = []
    note = farm.scale.task("note")(lambda job: ran.append(job.id))
    elsewhere = farm.scale.task("elsewhere", queue="other")(lambda job: ran.append(job.id))
    jobs = [note.delay() for _ in range(5)]
    other = elsewhere.delay()
    take_turn(farm, jobs[3])
    assert ran == [jobs[at].id for at in (3, 0, 1, 2, 4)]
    assert states(farm, [other]) == ["queued"]
    assert hints.sent == []


def test_without_a_queue_only_the_job_of_the_hint_runs(farm, add):
    jobs = [add.delay() for _ in range(2)]
    take_turn(farm, jobs[0], queue=None)
    assert states(farm, jobs) == ["succeeded", "queued"]


def test_a_hint_whose_job_is_done_wakes_for_the_others(farm, add):
    jobs = [add.delay() for _ in range(3)]
    take_turn(farm, jobs[0], queue=None)
    take_turn(farm, jobs[0])
    assert states(farm, jobs) == ["succeeded"] * 3


@pytest.mark.parametrize("end", ["fails", "completes itself", "is cancelled"])
def test_a_turn_goes_on_after_every_end_of_a_job(farm, hints, end):
    @farm.scale.task("work", max_attempts=1)
    def work(job):
        if end == "fails":
            raise ValueError
        if end == "is cancelled":
            farm.jobs.cancel(job.id)
            job.progress(1)
        with job.transaction() as session:
            job.complete(session)

    jobs = [work.delay() for _ in range(3)]
    take_turn(farm, jobs[0])
    assert all(farm.jobs.get(job.id).finished for job in jobs)
    assert [history(farm.store, job.id).count("claimed") for job in jobs] == [1, 1, 1]


def test_a_turn_that_is_over_wakes_others_for_what_is_left(farm, add, hints, monkeypatch):
    monkeypatch.setattr("flask_scale.jobs.turn.TURN_SECONDS", 0)
    jobs = [add.delay() for _ in range(WAKES + 2)]
    take_turn(farm, jobs[0])
    assert states(farm, jobs) == ["succeeded"] + ["queued"] * (WAKES + 1)
    assert hints.sent == [job.id for job in jobs[1 : 1 + WAKES]]
    take_turn(farm, jobs[1], queue=None)
    hints.sent.clear()
    for job in jobs[2:]:
        take_turn(farm, job)
    assert hints.sent == [jobs[-1].id]


def test_a_turn_claims_nothing_more_once_the_worker_ends(farm, add, hints):
    ending = []
    farm.scale.task("last")(lambda job: ending.append(job)).delay()
    jobs = [*farm.jobs.list(), add.delay()]
    take_turn(farm, jobs[0], stopping=lambda: bool(ending))
    assert states(farm, jobs) == ["succeeded", "queued"]
    assert hints.sent == [jobs[1].id]


def test_jobs_of_a_task_with_a_limit_are_left_to_their_own_hints(farm, add):
    one = farm.scale.task("one", max_running=1)(lambda job: None)
    jobs = [add.delay(), one.delay(), add.delay()]
    take_turn(farm, jobs[0])
    assert states(farm, jobs) == ["succeeded", "queued", "succeeded"]
    take_turn(farm, jobs[1])
    assert states(farm, jobs) == ["succeeded"] * 3


def test_what_was_claimed_and_cannot_run_is_given_back_where_the_process_ends(farm, add, monkeypatch):
    jobs = [add.delay() for _ in range(2)]
    send = Runner._send_next

    def end(runner, job):
        send(runner, job)
        raise SystemExit

    monkeypatch.setattr(Runner, "_send_next", end)
    with pytest.raises(SystemExit):
        take_turn(farm, jobs[0])
    assert states(farm, jobs) == ["succeeded", "queued"]
    assert history(farm.store, jobs[1].id) == ["enqueued", "claimed", "released"]


@pytest.mark.parametrize("call", ["claim_next", "due"])
def test_a_database_that_goes_away_within_a_turn_ends_it(farm, add, monkeypatch, call):
    def away(*_args, **_kwargs):
        raise OperationalError("away", None, Exception())

    if call == "due":
        monkeypatch.setattr("flask_scale.jobs.turn.TURN_SECONDS", 0)
    else:
        add = farm.scale.task("fails", max_attempts=1)(lambda job: 1 / 0)
    jobs = [add.delay() for _ in range(2)]
    monkeypatch.setattr(farm.store, call, away)
    take_turn(farm, jobs[0])
    assert states(farm, jobs)[1] == "queued"

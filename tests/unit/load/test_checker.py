"""The checker finds every defect that is planted, and nothing else."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.load.checker import Verdict, judge
from tests.load.facts import JobRow, KeyRow, UserRow
from tests.load.history import History
from tests.load.people import email_of, person
from tests.unit.load.runs import RUN, WholeRun, event, job_id

Defect = Callable[[WholeRun], object]

FIRST_ROW = email_of(RUN, 2, 0)


def verdict_of(*defects: Defect) -> Verdict:
    run = WholeRun()
    for plant in defects:
        plant(run)
    return judge(run.history, run.facts)


def test_a_run_that_went_well_is_sound() -> None:
    verdict = verdict_of()
    verdict.assert_sound()
    assert (verdict.accepted, verdict.findings) == (5, [])


def lose_user(run: WholeRun) -> None:
    run.forget_user(email_of(RUN, 0))


def lose_key(run: WholeRun) -> None:
    del run.keys[3]


def lose_job(run: WholeRun) -> None:
    run.jobs = [row for row in run.jobs if row.id != job_id(2)]
    del run.job_events[job_id(2)]


def lose_row(run: WholeRun) -> None:
    run.forget_user(FIRST_ROW)


def leave_running(run: WholeRun) -> None:
    run.change_job(2, state="running", read=None, inserted=None)
    run.job_events[job_id(2)] = ["enqueued", "claimed"]


def answer_a_repeat_otherwise(run: WholeRun) -> None:
    run.events.append(event("invoke", 4, "repeat", key=f"{RUN}-2"))
    run.events.append(event("ok", 4, "repeat", key=f"{RUN}-2", status=202, job=job_id(9)))


def keep_another_job(run: WholeRun) -> None:
    """The first attempt's job is orphaned, the key holds that of the second."""
    run.keys[2] = KeyRow(f"{RUN}-2", 202, job_id(9))
    run.jobs.append(JobRow(job_id(9), "succeeded", 2, 2, explained=True))


def create_twice(run: WholeRun) -> None:
    run.users.append(UserRow(99, *person(email_of(RUN, 0)), 1))


def create_again(run: WholeRun) -> None:
    """Another user than the client was told has the email."""
    run.users[0] = UserRow(99, *person(email_of(RUN, 0)), 1)


def refuse_the_second_attempt(run: WholeRun) -> None:
    run.not_accepted(0)
    error = 'status 409, not 201: {"type":"/problems/email-taken"}'
    run.events.append(event("fail", 0, "create_user", attempt=2, status=409, error=error))


def import_twice(run: WholeRun) -> None:
    """An attempt found the rows of another one."""
    run.change_job(2, inserted=0)


def complete_twice(run: WholeRun) -> None:
    run.job_events[job_id(2)] = ["enqueued", "claimed", "lease_expired", "claimed", "succeeded", "succeeded"]


def add_user_of_nobody(run: WholeRun) -> None:
    run.users.append(UserRow(99, *person(email_of(RUN, 77)), 1))


def add_key_of_nobody(run: WholeRun) -> None:
    run.keys.append(KeyRow(f"{RUN}-77", 201, "99"))


def add_job_of_nobody(run: WholeRun) -> None:
    run.jobs.append(JobRow(job_id(9), "queued", None, None, explained=False))


def go_on_after_the_end(run: WholeRun) -> None:
    run.job_events[job_id(2)] += ["claimed"]
    run.change_job(2, state="succeeded")


def revive_a_job(run: WholeRun) -> None:
    """The row was written over without an event."""
    run.change_job(2, state="dead", read=None, inserted=None)


def rename_user(run: WholeRun) -> None:
    run.users = [row._replace(name="Nobody") if row.email == email_of(RUN, 1) else row for row in run.users]


def change_user(run: WholeRun) -> None:
    run.users[0] = run.users[0]._replace(version=2)


def leave_rows_without_an_end(run: WholeRun) -> None:
    leave_running(run)


def leave_rows_without_a_job(run: WholeRun) -> None:
    run.not_accepted(2)
    del run.keys[2]
    lose_job(run)


def create_without_a_key(run: WholeRun) -> None:
    run.not_accepted(0)
    del run.keys[0]


def take_a_step_twice(run: WholeRun) -> None:
    run.steps[job_id(10)] = [0, 1, 1]


def skip_a_step(run: WholeRun) -> None:
    run.steps[job_id(10)] = [1]


def take_a_step_too_many(run: WholeRun) -> None:
    run.steps[job_id(10)] = [0, 1, 2]


def take_a_step_without_an_end(run: WholeRun) -> None:
    run.change_job(10, state="queued")
    run.job_events[job_id(10)] = ["enqueued", "claimed", "lease_expired"]


def lose_job_of_steps(run: WholeRun) -> None:
    run.jobs = [row for row in run.jobs if row.id != job_id(10)]


@pytest.mark.parametrize(
    ("kind", "plant", "text"),
    [
        ("lost", lose_user, "create_user run-0 was accepted as user 1"),
        ("lost", lose_key, "import_users run-3 was accepted and its Idempotency-Key is not kept"),
        ("lost", lose_job, "import_users run-2 was accepted as job"),
        ("lost", lose_row, "succeeded and 1 of 2 rows are there"),
        ("lost", leave_running, "is running, not succeeded"),
        ("doubled", answer_a_repeat_otherwise, "key run-2 was answered 2 ids"),
        ("doubled", keep_another_job, "import_users run-2 was answered"),
        ("doubled", create_twice, "2 users have run-0@"),
        ("doubled", create_again, "is user 99"),
        ("doubled", refuse_the_second_attempt, "met its own user at attempt 2"),
        ("doubled", import_twice, "met its own rows: it inserted 0 of 2"),
        ("doubled", complete_twice, "succeeded 2 times"),
        ("unexpected", add_user_of_nobody, "user 99 run-77@"),
        ("unexpected", add_key_of_nobody, "Idempotency-Key run-77"),
        ("unexpected", add_job_of_nobody, "(queued): no Idempotency-Key"),
        ("changed", go_on_after_the_end, "went on after its end: enqueued, claimed, succeeded, claimed"),
        ("changed", revive_a_job, "is dead, its events say enqueued, claimed, succeeded"),
        ("changed", rename_user, "is not as it was sent"),
        ("changed", change_user, "is not as it was sent"),
        ("incomplete", leave_rows_without_an_end, "2 of 2 rows are there, job"),
        ("incomplete", leave_rows_without_a_job, "2 of 2 rows are there, a job is not"),
        ("incomplete", create_without_a_key, "its Idempotency-Key is not kept"),
        ("doubled", take_a_step_twice, "took steps [0, 1, 1] of 2"),
        ("lost", skip_a_step, "is succeeded, took steps [1] of 2"),
        ("unexpected", take_a_step_too_many, "took steps [0, 1, 2] of 2"),
        ("incomplete", take_a_step_without_an_end, "is queued, took steps [0, 1] of 2"),
        ("lost", take_a_step_without_an_end, "is queued, took steps [0, 1] of 2"),
        ("lost", lose_job_of_steps, "run_steps run-10 was accepted as job"),
        ("unexpected", lose_job_of_steps, "which is not there"),
    ],
)
def test_a_planted_defect_is_found(kind: str, plant: Defect, text: str) -> None:
    verdict = verdict_of(plant)
    assert not verdict.sound
    assert any(found.kind == kind and text in found.text for found in verdict.findings), str(verdict)
    with pytest.raises(AssertionError, match=kind):
        verdict.assert_sound()


def test_a_post_of_unknown_outcome_may_be_done(capsys: pytest.CaptureFixture[str]) -> None:
    verdict_of(lambda run: run.not_accepted(0), lambda run: run.not_accepted(2)).assert_sound()


@pytest.mark.parametrize("name", ["unknown", "fail", "shed"])
def test_a_post_that_was_not_accepted_may_be_missing(name) -> None:
    def nothing_came_of_it(run: WholeRun) -> None:
        for number in (0, 2):
            run.not_accepted(number, name)
            run.keys = [row for row in run.keys if row.key != f"{RUN}-{number}"]
            run.users = [row for row in run.users if not row.email.startswith((f"{RUN}-{number}-", f"{RUN}-{number}@"))]
        lose_job(run)

    verdict = verdict_of(nothing_came_of_it)
    verdict.assert_sound()
    assert verdict.accepted == 3


def test_a_job_that_a_person_requeued_may_go_on() -> None:
    def requeue(run: WholeRun) -> None:
        run.job_events[job_id(2)] = ["enqueued", "claimed", "dead", "requeued", "claimed", "succeeded"]

    verdict_of(requeue).assert_sound()


def test_a_job_whose_worker_was_killed_may_be_claimed_again() -> None:
    def kill(run: WholeRun) -> None:
        run.job_events[job_id(2)] = ["enqueued", "claimed", "lease_expired", "republished", "claimed", "succeeded"]

    verdict_of(kill).assert_sound()


def test_a_repeat_that_was_answered_alike_is_sound() -> None:
    def repeat(run: WholeRun) -> None:
        run.events.append(event("invoke", 4, "repeat", key=f"{RUN}-0"))
        run.events.append(event("ok", 4, "repeat", key=f"{RUN}-0", status=201, user=1))

    verdict_of(repeat).assert_sound()


def test_a_verdict_on_nothing_is_no_proof() -> None:
    with pytest.raises(AssertionError, match="nothing was accepted"):
        judge(History(RUN, []), replace(WholeRun().facts, users=[], keys=[], jobs=[], events={})).assert_sound()


def test_a_verdict_reads_well() -> None:
    assert str(verdict_of(lose_user, rename_user)).splitlines() == [
        "run run: 5 accepted, 1 lost, 0 doubled, 0 unexpected, 1 changed, 0 incomplete",
        "  lost: create_user run-0 was accepted as user 1 and run-0@load.example.org is not there",
        f"  changed: user 2 run-1@load.example.org is not as it was sent: {_renamed()}",
    ]


def test_many_findings_of_a_kind_are_cut_short() -> None:
    def add_many(run: WholeRun) -> None:
        run.keys += [KeyRow(f"{RUN}-{number}", 201, "1") for number in range(100, 120)]

    lines = str(verdict_of(add_many)).splitlines()
    assert lines[0].endswith("20 unexpected, 0 changed, 0 incomplete")
    assert lines[-1] == "  unexpected: and 15 more"
    assert len(lines) == 7


def _renamed() -> UserRow:
    return UserRow(2, *person(email_of(RUN, 1)), 1)._replace(name="Nobody")

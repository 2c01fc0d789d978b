"""From the kill of a job's Celery worker to the job's next start."""

from tests.faults.recovery import Kill, Step, recoveries


def claimed(job: str, worker: str, at: float) -> Step:
    return Step(job, "claimed", worker, at)


def expired(job: str, worker: str, at: float) -> Step:
    return Step(job, "lease_expired", worker, at)


KILLED = [Kill(100.0, "first")]


def test_it_is_the_time_until_another_attempt_began() -> None:
    steps = [claimed("a", "first", 90), expired("a", "first", 131), claimed("a", "second", 134)]
    assert recoveries(KILLED, steps) == [34.0]


def test_each_job_that_the_worker_ran_counts() -> None:
    steps = [
        *(claimed("a", "first", 90), expired("a", "first", 131), claimed("a", "second", 134)),
        *(claimed("b", "first", 99), expired("b", "first", 125), claimed("b", "second", 126)),
    ]
    assert recoveries(KILLED, steps) == [34.0, 26.0]


def test_an_attempt_that_was_killed_twice_counts_twice() -> None:
    steps = [
        *(claimed("a", "first", 90), expired("a", "first", 110)),
        *(claimed("a", "second", 111), expired("a", "second", 150), claimed("a", "third", 151)),
    ]
    assert recoveries([*KILLED, Kill(120.0, "second")], steps) == [11.0, 31.0]


def test_attempts_of_other_workers_and_other_times_do_not() -> None:
    steps = [
        *(claimed("a", "second", 90), expired("a", "second", 131), claimed("a", "first", 134)),
        *(claimed("b", "first", 40), expired("b", "first", 80), claimed("b", "second", 81)),
        *(claimed("c", "first", 99), claimed("d", "first", 99), expired("d", "first", 120)),
        *(claimed("e", "second", 130),),
    ]
    assert recoveries(KILLED, steps) == []

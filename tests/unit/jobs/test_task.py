"""Tasks: declared once, called as plain functions, enqueued with arguments that they take."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel

from flask_scale import FlaskScale
from flask_scale.errors import TaskError
from flask_scale.metrics.instruments import instruments
from flask_scale.settings import Settings
from flask_scale.testing.jobs import run_jobs


class Args(BaseModel):
    file_id: UUID
    mode: str = "skip"


def test_a_task_stays_callable_as_its_plain_function(farm):
    @farm.scale.task()
    def double(job, number):
        """Twice as much."""
        return number * 2

    assert double(None, 21) == 42
    assert (double.name, double.__doc__) == ("double", "Twice as much.")
    assert farm.jobs.list() == []


def test_a_declared_task_gets_its_model_and_is_enqueued_by_its_fields(farm):
    seen = []
    read = farm.scale.declare_task("files.read", args=Args, queue="files", max_attempts=2, timeout=7)
    file_id = uuid4()
    job = read.enqueue(file_id=file_id, owner="ann")

    @read.handler
    def handle(job, args):
        seen.append((job.owner, args))

    run_jobs(farm.app)
    assert seen == [("ann", Args(file_id=file_id))]
    assert job.args == {"file_id": str(file_id), "mode": "skip"}
    assert (job.queue, job.max_attempts, job.timeout_seconds) == ("files", 2, 7)


def test_a_task_takes_what_it_does_not_name_from_the_settings(farm):
    farm.scale.task()(ok)
    job = farm.scale.tasks.get("ok").delay()
    assert (job.queue, job.max_attempts, job.timeout_seconds) == ("default", 5, 600)


def ok(job):
    return None


def test_delay_hands_every_argument_to_the_task(farm):
    @farm.scale.task()
    def collect(job, *numbers, **named):
        return [*numbers, named]

    job = collect.delay(1, 2, word="x")
    run_jobs(farm.app)
    assert farm.jobs.get(job.id).result == [1, 2, {"word": "x"}]


@pytest.mark.parametrize(
    ("args", "kwargs", "why"),
    [
        ((), {}, "missing a required argument"),
        ((1, 2), {}, "too many positional"),
        ((1,), {"other": 1}, "unexpected keyword"),
        ((object(),), {}, "not JSON serializable"),
        ((float("nan"),), {}, "not JSON compliant"),
        (({1: {2, 3}},), {}, "not JSON serializable"),
    ],
)
def test_arguments_that_a_plain_task_does_not_take_are_refused_at_enqueue(farm, args, kwargs, why):
    task = farm.scale.task()(lambda job, one: None)
    with pytest.raises(TaskError, match=why):
        task.enqueue(*args, **kwargs)
    assert farm.jobs.list() == []


@pytest.mark.parametrize(
    ("args", "kwargs", "why"),
    [
        ((), {}, "file_id: Field required"),
        ((), {"file_id": "x"}, "file_id: "),
        ((), {"file_id": str(uuid4()), "other": 1}, "no argument other"),
        ((str(uuid4()),), {}, "as keywords"),
    ],
)
def test_arguments_that_a_declared_task_does_not_take_are_refused_at_enqueue(farm, args, kwargs, why):
    task = farm.scale.declare_task("read", args=Args)
    with pytest.raises(TaskError, match=why):
        task.enqueue(*args, **kwargs)


def test_arguments_nested_too_deeply_are_refused_at_enqueue(farm):
    task = farm.scale.task()(lambda job, one: None)
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(TaskError, match="recursion"):
        task.enqueue(deep)


def test_a_job_begins_at_its_time_or_so_long_from_now(farm):
    task = farm.scale.task("ok")(ok)
    at = farm.clock() + timedelta(hours=1)
    assert task.enqueue(run_at=at).run_at == at
    for wait in (3600, 3600.0, timedelta(hours=1)):
        job = task.enqueue(run_in=wait)
        assert job.run_at - job.created_at == timedelta(hours=1)
    job = task.enqueue(run_in=0)
    assert job.run_at == job.created_at
    assert run_jobs(farm.app) == 1
    farm.clock.advance(3601)
    assert run_jobs(farm.app) == 4


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"run_at": datetime(2024, 1, 1, tzinfo=UTC).replace(tzinfo=None)}, "has no time zone"),
        ({"run_at": "2024-01-01T00:00:00Z"}, "must be a datetime, not str"),
        ({"run_at": datetime(2024, 1, 1, tzinfo=UTC), "run_in": 5}, "not both"),
        ({"run_in": -1}, "from 0 to"),
        ({"run_in": timedelta(days=-1)}, "from 0 to"),
        ({"run_in": float("inf")}, "from 0 to"),
        ({"run_in": float("nan")}, "from 0 to"),
        ({"run_in": "5"}, "seconds or a timedelta, not str"),
        ({"run_in": True}, "seconds or a timedelta, not bool"),
        ({"unique_key": ""}, "1 to 512 bytes"),
        ({"unique_key": "\u00e9" * 257}, "1 to 512 bytes"),
        ({"unique_key": "a\0"}, "without NUL"),
        ({"unique_key": "\ud800"}, "bytes of text"),
        ({"unique_key": 2024}, "bytes of text"),
        ({"owner": ""}, "owner must be 1 to 512 bytes"),
        ({"owner": 5}, "owner must be"),
        ({"owner": "a\0b"}, "owner must be"),
    ],
)
def test_words_of_enqueue_that_it_cannot_use_are_refused(farm, words, why):
    task = farm.scale.task()(ok)
    with pytest.raises(TaskError, match=why):
        task.enqueue(**words)
    assert farm.jobs.list() == []


def test_an_unfinished_job_of_the_key_is_given_instead_of_a_second_and_counts_once(farm):
    def counted():
        return instruments().jobs_enqueued.labels("ok")._value.get()

    before = counted()
    task = farm.scale.task("ok")(ok)
    first = task.enqueue(unique_key="report:2024")
    assert task.enqueue(unique_key="report:2024") == first
    assert counted() == before + 1
    run_jobs(farm.app)
    assert task.enqueue(unique_key="report:2024").id != first.id
    assert counted() == before + 2


@pytest.mark.parametrize("most", [0, -1, True, 1.5, float("nan"), "3", 2**31])
@pytest.mark.parametrize("word", ["max_running", "max_attempts"])
def test_a_limit_of_attempts_or_running_jobs_is_one_or_more(word, most):
    with pytest.raises(TaskError, match=f"{word} must be 1 or more"):
        FlaskScale().task("t", **{word: most})(ok)


@pytest.mark.parametrize("timeout", [0, -5, float("nan"), float("inf"), "60", True])
def test_a_time_limit_is_over_zero_seconds(timeout):
    with pytest.raises(TaskError, match="timeout must be over 0"):
        FlaskScale().declare_task("t", args=Args, timeout=timeout)


@pytest.mark.parametrize("queue", ["", None, "a,b", " a", "a b", "a\0", "\ud800"])
def test_a_queue_is_one_that_a_worker_can_be_told(queue):
    with pytest.raises(TaskError, match="queue must be a name"):
        FlaskScale().task("t", queue=queue)(ok)


def test_limits_are_those_of_the_tasks_that_are_handled_here():
    scale = FlaskScale()
    scale.task("one", max_running=3)(ok)
    scale.task("two")(ok)
    scale.declare_task("three", args=Args, max_running=4)
    assert scale.tasks.limits() == {"one": 3}


def test_a_name_is_declared_once():
    scale = FlaskScale()
    scale.declare_task("read", args=Args)
    with pytest.raises(TaskError, match="declared twice"):
        scale.declare_task("read", args=Args)


def test_a_task_has_one_handler():
    task = FlaskScale().declare_task("read", args=Args)
    task.handler(ok)
    task.handler(ok)
    with pytest.raises(TaskError, match="handler already"):
        task.handler(lambda job, args: None)


@pytest.mark.parametrize("word", ["session", "owner", "run_at", "run_in", "unique_key"])
def test_an_argument_is_not_called_as_one_of_enqueue(word):
    model = type("Model", (BaseModel,), {"__annotations__": {word: str}})
    with pytest.raises(TaskError, match=word):
        FlaskScale().declare_task("read", args=model)


def test_only_tasks_with_a_handler_here_count_as_handled():
    scale = FlaskScale()
    scale.declare_task("read", args=Args)
    scale.task("write")(ok)
    assert scale.tasks.handled() == ["write"]
    assert len(scale.tasks) == 2
    with pytest.raises(TaskError, match="import the module"):
        scale.tasks.get("other")
    with pytest.raises(TaskError, match="no handler"):
        scale.tasks.get("read")(None)


def test_enqueueing_without_a_database_says_what_to_set():
    from flask import Flask

    from flask_scale.errors import NotConfigured

    scale = FlaskScale(settings=Settings())
    task = scale.task()(ok)
    app = Flask(__name__)
    scale.init_app(app)
    with app.app_context(), pytest.raises(NotConfigured, match="FLASK_SCALE_DATABASE_URL"):
        task.delay()

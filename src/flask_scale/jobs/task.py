"""Tasks: what can be asked to run, by name, apart from whether this process can run it."""

import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from sqlalchemy.orm import Session

from flask_scale.errors import NotConfigured, TaskError
from flask_scale.jobs import jsontext
from flask_scale.jobs.job import Job, NewJob
from flask_scale.jobs.schedule import Schedule
from flask_scale.settings import Settings
from flask_scale.state import state_of

if TYPE_CHECKING:
    from flask_scale.jobs.client import Jobs
    from flask_scale.jobs.running import RunningJob

#: What may stand between the commas of `--queues`.
QUEUE = re.compile(r"[^\s,]+")

#: Words of `enqueue` itself, which a task's arguments cannot be called.
RESERVED = frozenset({"session", "owner", "run_at", "run_in", "unique_key"})

#: Longest `unique_key` and `owner`, in bytes of UTF-8: an index holds both.
LONGEST_KEY = 512

#: Longest `run_in` and `timeout`, in seconds: some thirty years.
LONGEST_WAIT = 1e9

#: Most attempts, and most jobs that run at once.
MOST = 1_000_000_000


class Task:
    """A task by name. Enqueue it anywhere; it runs where a Celery worker has its handler.

    Make one with `@scale.task` (function and task in one) or `scale.declare_task` (apart).

    Raises:
        TaskError: one of the words is none that a job could have.
    """

    def __init__(
        self,
        name: str,
        *,
        queue: str,
        max_attempts: int | None,
        timeout: float | None,
        max_running: int | None = None,
        args: type[BaseModel] | None = None,
    ) -> None:
        self.name = name
        self.queue = queue
        #: None: the setting job_max_attempts.
        self.max_attempts = max_attempts
        #: Seconds for one attempt. None: the setting job_timeout_seconds.
        self.timeout = timeout
        #: Jobs of it that run at once over all Celery workers. None: as many as they have room for.
        self.max_running = max_running
        self.args = args
        self._function: Callable[..., Any] | None = None
        self._signature: inspect.Signature | None = None
        #: Its cron lines.
        self.schedules: list[Schedule] = []
        if not _is_text(queue) or not QUEUE.fullmatch(queue):
            raise TaskError(f"task {name!r}: queue must be a name without commas and blanks, not {queue!r}")
        for word, number in (("max_attempts", max_attempts), ("max_running", max_running)):
            if number is not None and not (type(number) is int and 1 <= number <= MOST):
                raise TaskError(f"task {name!r}: {word} must be 1 or more, a whole number, not {number!r}")
        if timeout is not None and not (type(timeout) in (int, float) and 0 < timeout <= LONGEST_WAIT):
            raise TaskError(
                f"task {name!r}: timeout must be over 0 and at most {LONGEST_WAIT:g} seconds, not {timeout!r}"
            )
        _refuse_reserved(name, args.model_fields if args else ())

    @property
    def handled(self) -> bool:
        """True where this process has the handler."""
        return self._function is not None

    def handler(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Make `function(job, args)` the handler of a declared task; use it as a decorator.

        Raises:
            TaskError: the task has another handler already.
        """
        if self._function is not None and self._function is not function:
            raise TaskError(f"task {self.name!r} has a handler already: {self._function.__qualname__}")
        self._signature = inspect.signature(function)
        _refuse_reserved(self.name, self._signature.parameters)
        self._function = function
        functools.update_wrapper(self, function)
        return function

    def __call__(self, job: Any, *args: Any, **kwargs: Any) -> Any:
        """Call the plain function, in this process, as any function; nothing is enqueued."""
        return self._handler()(job, *args, **kwargs)

    def enqueue(
        self,
        *args: Any,
        session: Session | None = None,
        owner: str | None = None,
        run_at: datetime | None = None,
        run_in: float | timedelta | None = None,
        unique_key: str | None = None,
        **kwargs: Any,
    ) -> Job:
        """Accept a job of this task, with JSON arguments.

        With `session` the job is part of the caller's transaction: it is there if and only if that commits, and
        the Celery workers hear of it right after. Without, it has a transaction of its own.

        `run_at` (with a zone) is the earliest start, or `run_in`, in seconds or as a timedelta from now by the
        database's clock; it begins within a sweep of then.

        While a job of this task, `owner` and `unique_key` is queued or running, that one is returned and no other
        is accepted, however many ask at once. One that runs may not see what the caller's transaction writes.

        Raises:
            TaskError: the arguments are not the task's, JSON cannot carry them, or one of the words is not as above.
        """
        text = self._dump(args, kwargs)
        _check_run_at(self.name, run_at, run_in)
        seconds = _seconds(self.name, run_in)
        _check_text(self.name, "unique_key", unique_key)
        _check_text(self.name, "owner", owner)
        return _jobs().enqueue(
            self, text, session=session, owner=owner, run_at=run_at, run_in=seconds, unique_key=unique_key
        )

    def periodic(
        self,
        cron: str,
        *,
        time_zone: str = "UTC",
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        name: str = "",
    ) -> None:
        """Run a job of this task at each tick of a cron line: minute, hour, day, month and weekday in `time_zone`.

        The Celery workers that have the handler accept one run a tick, by the database's clock. A tick that comes
        while the run before it is not over, or while no Celery worker runs, is made up for once. Give a second
        schedule of a task a `name`.

        Raises:
            TaskError: the line, the zone or the arguments are none of the task's, or the name is taken.
        """
        full = f"{self.name}:{name}" if name else self.name
        if any(schedule.name == full for schedule in self.schedules):
            raise TaskError(f"schedule {full!r} is there already: give this one another name")
        _check_text(self.name, "unique_key", f"periodic:{full}")
        schedule = Schedule(full, self, cron, time_zone, self._dump(tuple(args), dict(kwargs or {})))
        schedule.last_tick(datetime.now(UTC))
        self.schedules.append(schedule)

    def delay(self, *args: Any, **kwargs: Any) -> Job:
        """Accept a job in a transaction of its own; every argument goes to the task."""
        return _jobs().enqueue(self, self._dump(args, kwargs))

    def new_job(
        self,
        args: str,
        settings: Settings,
        *,
        owner: str | None = None,
        run_at: datetime | None = None,
        run_in: float = 0.0,
        unique_key: str | None = None,
        dispatched: bool = False,
    ) -> NewJob:
        """What an enqueue of this task writes; `args` is JSON text."""
        return NewJob(
            task=self.name,
            queue=self.queue,
            args=args,
            owner=owner,
            max_attempts=settings.job_max_attempts if self.max_attempts is None else self.max_attempts,
            timeout_seconds=settings.job_timeout_seconds if self.timeout is None else self.timeout,
            run_at=run_at,
            run_in=run_in,
            unique_key=unique_key,
            dispatched=dispatched,
        )

    def run(self, job: "RunningJob") -> Any:
        """Call the handler with the arguments that the job's row carries."""
        if self.args is not None:
            return self._handler()(job, self.args.model_validate(job.args))
        return self._handler()(job, *job.args["args"], **job.args["kwargs"])

    def _handler(self) -> Callable[..., Any]:
        if self._function is None:
            raise TaskError(f"task {self.name!r} has no handler in this process: import the module that defines it")
        return self._function

    def _dump(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        try:
            return jsontext.dump(self._checked(args, kwargs))
        except ValidationError as error:
            raise TaskError(f"task {self.name!r}: {_one_line(error)}") from error
        except (TypeError, ValueError, RecursionError) as error:
            raise TaskError(f"task {self.name!r}: {error}") from error

    def _checked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self.args is None:
            assert self._signature is not None  # A plain task is made with its function.
            self._signature.bind(None, *args, **kwargs)
            return {"args": args, "kwargs": kwargs}
        if args:
            raise TypeError("give the fields of its args model as keywords")
        unknown = kwargs.keys() - self.args.model_fields.keys()
        if unknown:
            raise TypeError(f"it has no argument {', '.join(sorted(unknown))}")
        return self.args.model_validate(kwargs).model_dump(mode="json")


def _jobs() -> "Jobs":
    jobs = state_of().jobs
    if jobs is None:
        raise NotConfigured("no jobs without a database: set FLASK_SCALE_DATABASE_URL")
    return jobs


def _check_run_at(task: str, run_at: Any, run_in: Any) -> None:
    if run_at is None:
        return
    if run_in is not None:
        raise TaskError(f"task {task!r}: give run_at or run_in, not both")
    if not isinstance(run_at, datetime):
        raise TaskError(f"task {task!r}: run_at must be a datetime, not {type(run_at).__name__}")
    if run_at.utcoffset() is None:
        raise TaskError(f"task {task!r}: run_at has no time zone: make it with datetime.now(UTC), or give run_in")


def _seconds(task: str, run_in: Any) -> float:
    seconds = run_in.total_seconds() if isinstance(run_in, timedelta) else 0.0 if run_in is None else run_in
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TaskError(f"task {task!r}: run_in must be seconds or a timedelta, not {type(run_in).__name__}")
    if not 0 <= seconds <= LONGEST_WAIT:
        raise TaskError(f"task {task!r}: run_in must be from 0 to {LONGEST_WAIT:g} seconds, not {seconds:g}")
    return float(seconds)


def _check_text(task: str, word: str, value: Any) -> None:
    if value is not None and not _is_text(value):
        raise TaskError(f"task {task!r}: {word} must be 1 to {LONGEST_KEY} bytes of text without NUL")


def _is_text(value: Any) -> bool:
    """True for text that a column takes, and an index."""
    try:
        return isinstance(value, str) and 0 < len(value.encode()) <= LONGEST_KEY and "\0" not in value
    except UnicodeEncodeError:
        return False


def _refuse_reserved(task: str, names: Any) -> None:
    taken = sorted(RESERVED.intersection(names))
    if taken:
        raise TaskError(f"task {task!r}: enqueue uses {', '.join(taken)} itself, call the argument something else")


def _one_line(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_url=False))

"""The tasks of an app: declared once each, found by name."""

from collections.abc import Callable, Iterator
from typing import Any

from pydantic import BaseModel

from flask_scale.errors import TaskError
from flask_scale.jobs.schedule import Schedule
from flask_scale.jobs.task import Task


class TaskRegistry:
    """The tasks of one FlaskScale object, by name."""

    def __init__(self) -> None:
        self._tasks: dict[str, Task] = {}

    def task(
        self,
        name: str | None,
        *,
        queue: str,
        max_attempts: int | None,
        timeout: float | None,
        max_running: int | None = None,
        cron: str | None = None,
        time_zone: str = "UTC",
    ) -> Callable[[Callable[..., Any]], Task]:
        """Decorate a function as a task and its handler in one.

        Raises:
            TaskError: the name is taken, the cron line is none, or another word is none that a job could have.
        """

        if cron is None and time_zone != "UTC":
            raise TaskError(f"task {name!r}: time_zone is that of a cron line: give cron too")

        def decorate(function: Callable[..., Any]) -> Task:
            task = Task(
                name or function.__name__,
                queue=queue,
                max_attempts=max_attempts,
                timeout=timeout,
                max_running=max_running,
            )
            task.handler(function)
            if cron is not None:
                task.periodic(cron, time_zone=time_zone)
            return self._add(task)

        return decorate

    def declare(
        self,
        name: str,
        *,
        args: type[BaseModel],
        queue: str = "default",
        max_attempts: int | None = None,
        timeout: float | None = None,
        max_running: int | None = None,
    ) -> Task:
        """Declare a task whose handler is elsewhere.

        Raises:
            TaskError: the name is taken, or another word is none that a job could have.
        """
        return self._add(
            Task(name, queue=queue, max_attempts=max_attempts, timeout=timeout, max_running=max_running, args=args)
        )

    def get(self, name: str) -> Task:
        """The task of this name.

        Raises:
            TaskError: there is none.
        """
        if name not in self._tasks:
            raise TaskError(f"no task {name!r}: import the module that declares it")
        return self._tasks[name]

    def schedules(self) -> list[Schedule]:
        """The schedules of the tasks that this process can run.

        Raises:
            TaskError: two of them have one name, so that one would never run.
        """
        found: dict[str, Schedule] = {}
        for schedule in (schedule for task in self if task.handled for schedule in task.schedules):
            other = found.setdefault(schedule.name, schedule)
            if other is not schedule:
                raise TaskError(
                    f"tasks {other.task.name!r} and {schedule.task.name!r} both have a schedule {schedule.name!r}: "
                    "give one another name"
                )
        return list(found.values())

    def limits(self) -> dict[str, int]:
        """Most jobs that may run at once, of the tasks that this process can run and that have such a limit."""
        return {task.name: task.max_running for task in self if task.handled and task.max_running is not None}

    def handled(self) -> list[str]:
        """Names of the tasks that this process can run."""
        return sorted(task.name for task in self if task.handled)

    def __iter__(self) -> Iterator[Task]:
        return iter(self._tasks.values())

    def __len__(self) -> int:
        return len(self._tasks)

    def _add(self, task: Task) -> Task:
        if task.name in self._tasks:
            raise TaskError(f"task {task.name!r} is declared twice: give one another name")
        self._tasks[task.name] = task
        return task

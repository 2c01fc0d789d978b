"""A run that went well, made up: its history and what the database holds of it, for tests to spoil."""

from dataclasses import dataclass, field, replace
from typing import Any

from tests.load.facts import Facts, JobRow, KeyRow, UserRow
from tests.load.history import Event, History, Name
from tests.load.people import email_of, person

RUN = "run"


def event(name: Name, number: int, kind: str, at: float = 0.0, *, due: float | None = None, **values: Any) -> Event:
    """An event `at` seconds after the run's beginning; the key is the operation's own."""
    key = f"{RUN}-{number}" if kind in ("create_user", "import_users", "run_steps") else None
    intended = at if due is None else due
    return Event(name, number, kind, 1000.0 + at, 50.0 + at, 50.0 + intended, **{"key": key, **values})


def job_id(number: int) -> str:
    """The job of an operation."""
    return f"00000000-0000-4000-8000-{number:012}"


@dataclass
class WholeRun:
    """Two users, made by operations 0 and 1, imports of two rows by 2 and 3, two steps by 10: accepted and done."""

    events: list[Event] = field(default_factory=list)
    users: list[UserRow] = field(default_factory=list)
    keys: list[KeyRow] = field(default_factory=list)
    jobs: list[JobRow] = field(default_factory=list)
    job_events: dict[str, list[str]] = field(default_factory=dict)
    steps: dict[str, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number in (0, 1):
            self._create(number)
        for number in (2, 3):
            self._import(number)
        self._run_steps(10)

    @property
    def history(self) -> History:
        """As the client saw it."""
        return History(RUN, self.events)

    @property
    def facts(self) -> Facts:
        """As the database has it."""
        return Facts(self.users, self.keys, self.jobs, self.job_events, self.steps)

    def not_accepted(self, number: int, name: Name = "unknown") -> None:
        """Let the client of an operation see no right answer."""
        found = next(index for index, one in enumerate(self.events) if (one.number, one.event) == (number, "ok"))
        self.events[found] = replace(self.events[found], event=name, user=None, job=None, status=None)

    def forget_user(self, email: str) -> None:
        """Delete a row of users."""
        self.users = [row for row in self.users if row.email != email]

    def change_job(self, number: int, **values: Any) -> None:
        """Change the row of an operation's job."""
        self.jobs = [row._replace(**values) if row.id == job_id(number) else row for row in self.jobs]

    def _create(self, number: int) -> None:
        email = email_of(RUN, number)
        self.events.append(event("invoke", number, "create_user", emails=(email,)))
        self.events.append(event("ok", number, "create_user", status=201, user=number + 1))
        self.users.append(UserRow(number + 1, *person(email), 1))
        self.keys.append(KeyRow(f"{RUN}-{number}", 201, str(number + 1)))

    def _import(self, number: int) -> None:
        emails = (email_of(RUN, number, 0), email_of(RUN, number, 1))
        self.events.append(event("invoke", number, "import_users", emails=emails))
        self.events.append(event("ok", number, "import_users", status=202, job=job_id(number)))
        self.users += [UserRow(10 * number + row, *person(email), 1) for row, email in enumerate(emails)]
        self.keys.append(KeyRow(f"{RUN}-{number}", 202, job_id(number)))
        self.jobs.append(JobRow(job_id(number), "succeeded", 2, 2, explained=True))
        self.job_events[job_id(number)] = ["enqueued", "claimed", "succeeded"]

    def _run_steps(self, number: int) -> None:
        self.events.append(event("invoke", number, "run_steps", steps=2))
        self.events.append(event("ok", number, "run_steps", status=202, job=job_id(number)))
        self.keys.append(KeyRow(f"{RUN}-{number}", 202, job_id(number)))
        self.jobs.append(JobRow(job_id(number), "succeeded", None, None, explained=True))
        self.job_events[job_id(number)] = ["enqueued", "claimed", "succeeded"]
        self.steps[job_id(number)] = [0, 1]

"""What a client saw, one JSON line an event, only ever appended.

An operation begins with `invoke`, written before anything is sent. Then comes what the first attempt met:

| event     | meaning |
|-----------|---------|
| `ok`      | the right answer; for a POST: accepted |
| `fail`    | a refused connection, a wrong answer, a 5xx; for a GET also no answer |
| `unknown` | a POST without an answer: it may be done or not |
| `shed`    | 503 with Retry-After |

A POST whose outcome nobody knows (`unknown`, or `fail` by a 5xx) is attempted again under its key, so that
further events of higher `attempt` may follow, until `ok` or the client gives up.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

#: A history's name in the folder of its run.
FILE = "history.jsonl"

Name = Literal["invoke", "ok", "fail", "unknown", "shed"]

#: Kinds that change something; each attempt carries the operation's key.
POSTS = frozenset({"create_user", "import_users", "run_steps", "repeat"})


@dataclass(frozen=True, slots=True)
class Event:
    """One line. Times are seconds: `at` since 1970, `clock` and `intended` on the client's monotonic clock."""

    event: Name
    number: int
    kind: str
    at: float
    clock: float
    #: When the plan wanted the operation to begin.
    intended: float
    attempt: int = 1
    #: The Idempotency-Key.
    key: str | None = None
    #: The emails that a POST writes; on `invoke`.
    emails: tuple[str, ...] = ()
    #: How many effects a job of `run_steps` has; on `invoke`.
    steps: int | None = None
    status: int | None = None
    #: What came back.
    user: int | None = None
    job: str | None = None
    error: str | None = None

    @property
    def latency(self) -> float:
        """Seconds from the intended beginning, so that time spent waiting to begin counts."""
        return self.clock - self.intended

    @property
    def intended_at(self) -> float:
        """The intended beginning since 1970."""
        return self.at - self.latency

    @property
    def doubtful(self) -> bool:
        """True where what was sent may be done or not."""
        return self.event == "unknown" or (self.event == "fail" and (self.status or 0) >= 500)

    @property
    def final(self) -> bool:
        """True where it tells what became of the operation."""
        return self.event in ("ok", "fail") and self.status is not None and self.status < 500

    def line(self) -> str:
        """Its line of the file; what is not set is left out."""
        values = {name: getattr(self, name) for name in _NAMES}
        shown = {name: value for name, value in values.items() if value is not None and value != ()}
        if self.event != "invoke":
            shown["latency"] = round(self.latency, 6)
        return json.dumps(shown, separators=(",", ":"))

    @classmethod
    def of(cls, line: Mapping[str, Any]) -> "Event":
        """The event that `line` wrote."""
        values = {name: line[name] for name in _NAMES if name in line}
        return cls(**{**values, "emails": tuple(line.get("emails", ()))})


_NAMES = tuple(one.name for one in fields(Event))


@dataclass(slots=True)
class Operation:
    """All events of one number."""

    invoke: Event
    outcomes: list[Event] = field(default_factory=list)

    @property
    def first(self) -> Event | None:
        """What the first attempt met; None where the client ended before."""
        return self.outcomes[0] if self.outcomes else None

    @property
    def accepted(self) -> Event | None:
        """The event of the right answer, whichever attempt got it."""
        return next((event for event in self.outcomes if event.event == "ok"), None)

    @property
    def unresolved(self) -> bool:
        """True of a POST of which the client never learnt what became of it."""
        doubtful = self.first is None or any(event.doubtful for event in self.outcomes)
        return self.invoke.kind in POSTS and doubtful and not any(event.final for event in self.outcomes)


@dataclass(frozen=True)
class History:
    """A run's events in order. Every email and key of the run begins with `run` and a hyphen."""

    run: str
    events: list[Event]

    @cached_property
    def operations(self) -> list[Operation]:
        """The operations by number."""
        found: dict[int, Operation] = {}
        for event in self.events:
            if event.event == "invoke":
                found[event.number] = Operation(event)
            else:
                found[event.number].outcomes.append(event)
        return [found[number] for number in sorted(found)]

    @classmethod
    def read(cls, path: Path) -> "History":
        """The history in a file; a last line that is torn, as by a SIGKILL of the client, is left out.

        Raises:
            ValueError: a line before the last is no JSON, or the first one does not name the run.
        """
        with path.open() as lines:
            documents = _documents(lines)
            head = next(documents, {})
            if "run" not in head:
                raise ValueError(f"{path} is no history: its first line does not name the run")
            return cls(head["run"], [Event.of(document) for document in documents])


class HistoryWriter:
    """Appends events; each is in the file, for any reader, when `write` returns.

    A file that is there is never written over: FileExistsError.
    """

    def __init__(self, path: Path, run: str) -> None:
        self._file = path.open("x", buffering=1)
        self._file.write(json.dumps({"run": run}) + "\n")

    def write(self, event: Event) -> None:
        """Append one event."""
        self._file.write(event.line() + "\n")

    def close(self) -> None:
        """Write no more."""
        self._file.close()


def _documents(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    torn: str | None = None
    for line in lines:
        if torn is not None:
            raise ValueError(f"a line in the midst of the history is torn: {torn[:100]!r}")
        try:
            if not line.endswith("\n"):
                raise ValueError("no end")
            yield json.loads(line)
        except ValueError:
            torn = line

"""What the right answers are: each check gives the ids in the answer, or raises `WrongAnswer`.

A check looks at status, content type and the whole body, so that a wrong answer never counts as served.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from tests.load.people import person

JSON = "application/json"
IMPORT_TASK = "users.import"
STEPS_TASK = "faults.steps"
USER_FIELDS = {"id", "email", "name", "country", "created_at", "updated_at", "version"}


#: The first day of the interval that a day is in.
BEGIN: Mapping[str, Callable[[date], date]] = {
    "day": lambda day: day,
    "week": lambda day: day - timedelta(days=day.weekday()),
    "month": lambda day: day.replace(day=1),
}


class WrongAnswer(Exception):
    """The service answered, and not as it must."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self, status: int) -> Any:
        """The document of an answer that must have this status.

        Raises:
            WrongAnswer: it has another, or is no JSON.
        """
        demand(self.status == status, f"status {self.status}, not {status}: {self.text}")
        kind = self.headers.get("Content-Type", "")
        demand(kind == JSON, f"Content-Type {kind!r}, not {JSON!r}: {self.text}")
        try:
            return json.loads(self.body)
        except ValueError:
            raise WrongAnswer(f"no JSON: {self.text}") from None

    @property
    def text(self) -> str:
        """The body for a person, cut short."""
        return self.body[:300].decode("utf-8", "replace")


class Found(NamedTuple):
    """The ids in an answer."""

    user: int | None = None
    job: str | None = None


def demand(right: bool, otherwise: str) -> None:
    """Go on where it is right.

    Raises:
        WrongAnswer: it is not.
    """
    if not right:
        raise WrongAnswer(otherwise)


def created_user(answer: Answer, email: str) -> Found:
    """201 with the user as it was sent, new, and where it is."""
    user = answer.json(201)
    demand(isinstance(user, dict) and user.keys() == USER_FIELDS, f"not the fields of a user: {answer.text}")
    sent = (*person(email), 1)
    demand((user["email"], user["name"], user["country"], user["version"]) == sent, f"not {sent}: {answer.text}")
    demand(type(user["id"]) is int and user["id"] > 0, f"not an id: {answer.text}")
    for name in ("created_at", "updated_at"):
        _demand_time(user[name])
    _demand_location(answer, f"/v1/users/{user['id']}")
    return Found(user=user["id"])


def accepted_import(answer: Answer) -> Found:
    """202 with a job that is an import, not begun, and where it is."""
    return _accepted(answer, IMPORT_TASK)


def accepted_steps(answer: Answer) -> Found:
    """202 with a job of steps, not begun, and where it is."""
    return _accepted(answer, STEPS_TASK)


def _accepted(answer: Answer, task: str) -> Found:
    job = answer.json(202)
    begin = (job.get("task"), job.get("state"), job.get("attempt"), job.get("result"), job.get("error"))
    demand(begin == (task, "queued", 0, None, None), f"not a new job of {task}: {answer.text}")
    _demand_location(answer, f"/v1/jobs/{job['id']}")
    return Found(job=str(UUID(job["id"])))


def repeated(answer: Answer, first: Answer, found: Found) -> Found:
    """What the first request with the key was answered, byte by byte, marked as a replay."""
    demand(answer.status == first.status, f"status {answer.status}, first {first.status}: {answer.text}")
    demand(answer.body == first.body, f"another answer than the first: {answer.text}, first {first.text}")
    for name in ("Content-Type", "Location"):
        demand(answer.headers.get(name) == first.headers.get(name), f"another {name} than the first")
    demand(answer.headers.get("Idempotency-Replayed") == "true", "not marked as a replay")
    return found


def read_user(answer: Answer, user: dict[str, Any]) -> Found:
    """200 with exactly the user that was created."""
    demand(answer.json(200) == user, f"not {user}: {answer.text}")
    return Found(user=user["id"])


def found_user(answer: Answer, user: dict[str, Any]) -> Found:
    """200 with exactly that user, and no other."""
    demand(answer.json(200) == {"items": [user], "next": None}, f"not only {user}: {answer.text}")
    return Found(user=user["id"])


def sign_ups(answer: Answer, first: date, last: date, interval: str) -> Found:
    """200 with one bucket for each interval, whose counts add up."""
    body = answer.json(200)
    asked = {"from": first.isoformat(), "to": last.isoformat(), "interval": interval, "country": None}
    demand({name: body.get(name) for name in asked} == asked, f"not {asked}: {answer.text}")
    starts = [bucket["start"] for bucket in body["buckets"]]
    demand(starts == _starts(first, last, interval), f"not the buckets of {asked}: {answer.text}")
    counts = [bucket["count"] for bucket in body["buckets"]]
    demand(min(counts) >= 0 and body["total"] == sum(counts), f"counts that do not add up: {answer.text}")
    return Found()


@cache
def _starts(first: date, last: date, interval: str) -> list[str]:
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return list(dict.fromkeys(BEGIN[interval](day).isoformat() for day in days))


def _demand_time(value: Any) -> None:
    try:
        zoned = datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        zoned = False
    demand(zoned, f"not a time with its zone: {value!r}")


def _demand_location(answer: Answer, path: str) -> None:
    location = answer.headers.get("Location", "")
    demand(location.endswith(path), f"Location {location!r}, not {path}")

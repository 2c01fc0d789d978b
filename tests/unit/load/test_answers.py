"""An answer counts as right only where all of it is."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from tests.load import answers
from tests.load.answers import JSON, Answer, Found, WrongAnswer
from tests.load.people import person

EMAIL = "run-1@load.example.org"
NOW = "2026-01-31T12:00:00Z"
USER = {"id": 7, **person(EMAIL)._asdict(), "created_at": NOW, "updated_at": NOW, "version": 1}
JOB_ID = "00000000-0000-4000-8000-000000000001"
JOB = {"id": JOB_ID, "task": "users.import", "state": "queued", "attempt": 0, "result": None, "error": None}
FIRST, LAST = date(2026, 1, 1), date(2026, 1, 3)
SIGN_UPS: dict[str, Any] = {
    "from": "2026-01-01",
    "to": "2026-01-03",
    "interval": "day",
    "country": None,
    "total": 6,
    "buckets": [{"start": f"2026-01-0{day}", "count": day} for day in (1, 2, 3)],
}


def answer(body: Any, status: int = 200, kind: str = JSON, **headers: str) -> Answer:
    return Answer(status, {"Content-Type": kind, **headers}, json.dumps(body).encode())


def created(user: Any = USER, status: int = 201, location: str = "/v1/users/7", kind: str = JSON) -> Found:
    return answers.created_user(answer(user, status, kind, Location=location), EMAIL)


def accepted(job: Any = JOB, status: int = 202, location: str = f"/v1/jobs/{JOB_ID}") -> Found:
    return answers.accepted_import(answer(job, status, Location=location))


def counted(body: Any) -> Found:
    return answers.sign_ups(answer(body), FIRST, LAST, "day")


def repeated(body: Any = USER, status: int = 201, replayed: str = "true", location: str = "/v1/users/7") -> Found:
    first = answer(USER, 201, Location="/v1/users/7")
    again = answer(body, status, Location=location, **{"Idempotency-Replayed": replayed})
    return answers.repeated(again, first, Found(user=7))


def test_right_answers_give_their_ids() -> None:
    assert created() == Found(user=7)
    assert accepted() == Found(job=JOB_ID)
    assert repeated() == Found(user=7)
    assert answers.read_user(answer(USER), USER) == Found(user=7)
    assert answers.found_user(answer({"items": [USER], "next": None}), USER) == Found(user=7)
    assert counted(SIGN_UPS) == Found()


def test_weeks_begin_on_their_monday_and_months_on_their_first_day() -> None:
    for interval, starts in {"week": ["2025-12-29"], "month": ["2026-01-01"]}.items():
        buckets = [{"start": start, "count": 2} for start in starts]
        body = {**SIGN_UPS, "interval": interval, "buckets": buckets, "total": 2}
        answers.sign_ups(answer(body), FIRST, LAST, interval)


WRONG: dict[str, Callable[[], Found]] = {
    "a status that is none of its own": lambda: created(status=200),
    "another content type": lambda: created(kind="text/html"),
    "a body that is no JSON": lambda: answers.read_user(Answer(200, {"Content-Type": JSON}, b'{"id"'), USER),
    "a user with another email": lambda: created({**USER, "email": "other@example.org"}),
    "a user with another name": lambda: created({**USER, "name": "Nobody"}),
    "a new user that was changed": lambda: created({**USER, "version": 2}),
    "a field too many": lambda: created({**USER, "password": "x"}),
    "a field too few": lambda: created({name: value for name, value in USER.items() if name != "version"}),
    "a list for a user": lambda: created([USER]),
    "an id that is none": lambda: created({**USER, "id": "7"}, location="/v1/users/7"),
    "a time that is none": lambda: created({**USER, "created_at": "yesterday"}),
    "a place that is another's": lambda: created(location="/v1/users/8"),
    "a job of another task": lambda: accepted({**JOB, "task": "users.export"}),
    "a new job that has run": lambda: accepted({**JOB, "state": "succeeded", "attempt": 1}),
    "a job in another place": lambda: accepted(location="/v1/jobs/other"),
    "another user for an id": lambda: answers.read_user(answer({**USER, "name": "Nobody"}), USER),
    "no user for an email": lambda: answers.found_user(answer({"items": [], "next": None}), USER),
    "a user twice": lambda: answers.found_user(answer({"items": [USER, USER], "next": None}), USER),
    "a repeat with another body": lambda: repeated({**USER, "id": 8}),
    "a repeat with another status": lambda: repeated(status=200),
    "a repeat that was done again": lambda: repeated(replayed="false"),
    "a repeat in another place": lambda: repeated(location="/v1/users/8"),
    "a day left out": lambda: counted({**SIGN_UPS, "buckets": SIGN_UPS["buckets"][1:], "total": 5}),
    "counts that do not add up": lambda: counted({**SIGN_UPS, "total": 7}),
    "another range": lambda: counted({**SIGN_UPS, "to": "2026-01-04"}),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_answer_is_refused(what: str) -> None:
    with pytest.raises(WrongAnswer):
        WRONG[what]()

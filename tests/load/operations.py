"""The operations of a run: which request comes next, and what its answer must be."""

import json
import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import NamedTuple

from tests.load import answers
from tests.load.answers import Answer, Found
from tests.load.people import csv_of, email_of, person

#: Most rows of an import.
IMPORT_ROWS = 3

#: Most steps of a job of `run_steps`, and what each takes, in seconds.
STEPS = 3
STEP_SECONDS = (0.02, 0.6)

#: How many accepted POSTs wait at most to be repeated.
REPEATABLE = 500

#: The statistics that are asked for: the interval, and the range's days up to the run's first.
RANGES = {"day": 30, "week": 180, "month": 365}


@dataclass(frozen=True)
class Request:
    """What to send, and the check of its answer."""

    kind: str
    method: str
    path: str
    check: Callable[[Answer], Found]
    key: str | None = None
    content_type: str | None = None
    body: bytes | None = None
    #: What a POST writes.
    emails: tuple[str, ...] = ()
    #: How many effects a job of `run_steps` has.
    steps: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The request's own."""
        given = {"Idempotency-Key": self.key, "Content-Type": self.content_type}
        return {name: value for name, value in given.items() if value is not None}


class KnownUser(NamedTuple):
    """A created user, as its POST was answered."""

    id: int
    email: str
    body: bytes


class Operations:
    """Draws requests by the shares of a mix, and learns what exists from their answers.

    As long as no user is known, and where nothing is there to repeat, an operation creates one.
    """

    def __init__(self, run: str, *, seed: int, mix: Mapping[str, float], today: date) -> None:
        self._run = run
        self._dice = random.Random(seed)
        self._kinds = list(mix)
        self._shares = list(mix.values())
        self._today = today
        self._users: list[KnownUser] = []
        self._repeatable: deque[Request] = deque(maxlen=REPEATABLE)
        self._makers: Mapping[str, Callable[[int], Request]] = {
            "create_user": self._create_user,
            "import_users": self._import_users,
            "run_steps": self._run_steps,
            "repeat": self._repeat,
            "read_user": self._read_user,
            "find_user": self._find_user,
            "statistics": self._statistics,
        }

    def make(self, number: int) -> Request:
        """The request of operation `number`."""
        (kind,) = self._dice.choices(self._kinds, self._shares)
        return self._makers[kind](number)

    def learn(self, request: Request, answer: Answer, found: Found) -> None:
        """Note that a request got its right answer."""
        if request.kind == "create_user" and found.user is not None:
            self._users.append(KnownUser(found.user, request.emails[0], answer.body))
        if request.kind in ("create_user", "import_users", "run_steps"):
            check = partial(answers.repeated, first=answer, found=found)
            self._repeatable.append(replace(request, kind="repeat", check=check, emails=(), steps=None))

    def _create_user(self, number: int) -> Request:
        email = email_of(self._run, number)
        body = json.dumps(person(email)._asdict()).encode()
        check = partial(answers.created_user, email=email)
        return Request("create_user", "POST", "/v1/users", check, self._key(number), answers.JSON, body, (email,))

    def _import_users(self, number: int) -> Request:
        emails = tuple(email_of(self._run, number, row) for row in range(self._dice.randint(1, IMPORT_ROWS)))
        check = answers.accepted_import
        return Request(
            "import_users", "POST", "/v1/imports", check, self._key(number), "text/csv", csv_of(emails), emails
        )

    def _run_steps(self, number: int) -> Request:
        steps = self._dice.randint(1, STEPS)
        body = json.dumps({"steps": steps, "pause": round(self._dice.uniform(*STEP_SECONDS), 3)}).encode()
        check = answers.accepted_steps
        return Request("run_steps", "POST", "/v1/steps", check, self._key(number), answers.JSON, body, steps=steps)

    def _repeat(self, number: int) -> Request:
        # Each at most once: two at a time under one key would be answered 409, and rightly.
        return self._repeatable.popleft() if self._repeatable else self._create_user(number)

    def _read_user(self, number: int) -> Request:
        if not self._users:
            return self._create_user(number)
        known = self._dice.choice(self._users)
        check = partial(answers.read_user, user=json.loads(known.body))
        return Request("read_user", "GET", f"/v1/users/{known.id}", check)

    def _find_user(self, number: int) -> Request:
        if not self._users:
            return self._create_user(number)
        known = self._dice.choice(self._users)
        spelling = self._dice.choice((known.email, known.email.upper()))
        check = partial(answers.found_user, user=json.loads(known.body))
        return Request("find_user", "GET", f"/v1/users?email={spelling}", check)

    def _statistics(self, number: int) -> Request:
        interval, days = self._dice.choice(list(RANGES.items()))
        first = self._today - timedelta(days=days - 1)
        check = partial(answers.sign_ups, first=first, last=self._today, interval=interval)
        query = f"from={first}&to={self._today}&interval={interval}"
        return Request("statistics", "GET", f"/v1/statistics/sign-ups?{query}", check)

    def _key(self, number: int) -> str:
        return f"{self._run}-{number}"

"""Many callers with the same Idempotency-Keys at once: one job a key, and one answer for all."""

import asyncio
import itertools
import json
import secrets
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.faults.stand import Stand
from tests.load.answers import JSON, Answer, Found, demand
from tests.load.operations import Request
from tests.load.sender import Sender
from tests.load.target import Target

CALLERS = 50

#: Longest that one caller asks for one key, in seconds.
PATIENCE_SECONDS = 120.0
#: Between two attempts of a caller that was told that another is at it.
PAUSE_SECONDS = 0.1


@dataclass(frozen=True)
class Used:
    """What came of it."""

    #: Every answer that was given, by key.
    answers: Mapping[str, Sequence[tuple[int, bytes]]]
    #: Rows of `jobs`, of all that was sent.
    jobs: int

    @property
    def differing(self) -> Sequence[str]:
        """Keys that were not answered alike to every caller."""
        return [key for key, given in self.answers.items() if len(given) != CALLERS or len(set(given)) != 1]


def use(stand: Stand, keys: int) -> Used:
    """Let each caller go through all keys, all of them at once."""
    run = secrets.token_hex(4)
    answers = asyncio.run(_call(Target(stand.url, stand.key), [f"{run}-{number}" for number in range(keys)]))
    # Whatever was made, also what no answer tells of: the arguments carry the run.
    ((jobs,),) = stand.query(f"SELECT count(*) FROM jobs WHERE args ->> 'note' = '{run}'")
    return Used(answers, int(jobs))


async def _call(target: Target, keys: Sequence[str]) -> dict[str, list[tuple[int, bytes]]]:
    answers: dict[str, list[tuple[int, bytes]]] = defaultdict(list)

    async def caller(sender: Sender) -> None:
        for key in keys:
            answers[key].append(await _ask(sender, key))

    async with Sender(target, connections=CALLERS, timeout_seconds=60) as sender, asyncio.TaskGroup() as callers:
        for _ in range(CALLERS):
            callers.create_task(caller(sender))
    return answers


async def _ask(sender: Sender, key: str) -> tuple[int, bytes]:
    """Ask until it is answered otherwise than by "in progress" or "not now"; gives status and body."""
    body = json.dumps({"steps": 1, "note": key.partition("-")[0]}).encode()
    request = Request("run_steps", "POST", "/v1/steps", _is_accepted, key, JSON, body)
    deadline = time.monotonic() + PATIENCE_SECONDS
    for attempt in itertools.count(2):  # to the sender a first attempt may not meet another's
        outcome = await sender.send(request, attempt)
        if outcome.answer is not None:
            return outcome.answer.status, outcome.answer.body
        assert outcome.event != "fail" or not outcome.settled, f"{key}: {outcome}"
        assert time.monotonic() < deadline, f"{key} was never answered: {outcome}"
        await asyncio.sleep(PAUSE_SECONDS)
    raise AssertionError


def _is_accepted(answer: Answer) -> Found:
    demand(answer.status == 202, f"status {answer.status}, not 202: {answer.text}")
    return Found()

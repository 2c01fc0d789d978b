"""How many requests a run sends, when, and of which kinds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

#: The shares of the kinds of operations.py: 30% POST.
DEFAULT_MIX: Mapping[str, float] = {
    "create_user": 0.17,
    "import_users": 0.10,
    "repeat": 0.03,
    "read_user": 0.35,
    "find_user": 0.25,
    "statistics": 0.10,
}

#: Every kind. `run_steps` is a job of tests/faults/app.py, whose effects no table of the directory would show twice.
KINDS = (*DEFAULT_MIX, "run_steps")

#: No plan asks for more: it is a test's load, on the machine that serves it.
MAX_RATE = 5_000
MAX_SECONDS = 4 * 3600


class Step(NamedTuple):
    """A time of one rate."""

    seconds: float
    #: Requests a second; 0 is a rest.
    rate: float


@dataclass(frozen=True)
class Plan:
    """A bounded load: it ends after the last step or `max_requests`, whichever is first.

    Make one by `steady`, or by `spike` for a step up and down; any other by its steps.

    Raises:
        ValueError: it says what is out of bounds.
    """

    steps: Sequence[Step]
    max_requests: int = 200_000
    #: Draws the kinds and users. The run's emails and keys are new each time.
    seed: int = 1
    #: Kinds of operations.py and their shares, in any unit.
    mix: Mapping[str, float] = field(default_factory=lambda: DEFAULT_MIX)
    #: Whether a 503 with Retry-After is the right answer to an overload.
    may_shed: bool = False
    #: After so many seconds without an answer a GET has failed and a POST's outcome is unknown.
    timeout_seconds: float = 10.0
    #: For so long a POST of unknown outcome is sent again under its key.
    resolve_seconds: float = 90.0
    #: Most kept-alive connections. A request that waits for one waits inside its latency, and fails unsent after
    #: `sender.CONNECT_SECONDS`: give more than the rate times the longest answer that you expect.
    connections: int = 400
    #: The share of requests whose connection ends with them, so that others come on new ones.
    fresh: float = 0.0

    def __post_init__(self) -> None:
        rates = [step.rate for step in self.steps]
        if not rates or min(rates) < 0 or max(rates) > MAX_RATE:
            raise ValueError(f"a rate must be 0 to {MAX_RATE} requests a second")
        if min(step.seconds for step in self.steps) <= 0 or self.seconds > MAX_SECONDS:
            raise ValueError(f"a plan takes more than 0 and at most {MAX_SECONDS} seconds")
        if unknown := set(self.mix) - set(KINDS):
            raise ValueError(f"no such kind: {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
        if min(self.mix.values(), default=0) < 0 or sum(self.mix.values()) <= 0:
            raise ValueError("the shares of the mix must be 0 or more, and one above 0")
        if not 0 <= self.fresh <= 1:
            raise ValueError("the share of fresh connections must be 0 to 1")

    @classmethod
    def steady(cls, rate: float, seconds: float, **options: Any) -> "Plan":
        """One rate all the time."""
        return cls([Step(seconds, rate)], **options)

    @classmethod
    def spike(cls, rate: float, *, times: float, before: float, spike: float, after: float, **options: Any) -> "Plan":
        """`rate`, then so many times as much for `spike` seconds, then `rate` again."""
        return cls([Step(before, rate), Step(spike, rate * times), Step(after, rate)], **options)

    @property
    def seconds(self) -> float:
        """How long it takes, unless `max_requests` ends it."""
        return sum(step.seconds for step in self.steps)

    @property
    def requests(self) -> int:
        """How many it sends."""
        return sum(1 for _ in self.moments())

    def moments(self) -> Iterator[float]:
        """When each request is due, in seconds after the start: evenly spread over its step."""
        begin, number = 0.0, 0
        for seconds, rate in self.steps:
            for position in range(round(seconds * rate)):
                if number == self.max_requests:
                    return
                yield begin + position / rate
                number += 1
            begin += seconds

"""The plan of a measurement: every contender in blocks, A B B A, each with the CPU time that it cost."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from benchmarks.contender import UnderTest, cpu_seconds
from benchmarks.generator import Told, Wrk
from flask_scale.dev.process import Process
from flask_scale.errors import DevStackError


@dataclass(frozen=True)
class Block:
    """One run of the load on one contender."""

    told: Told
    #: CPU time a request of all processes of the path, in microseconds.
    cpu: float
    #: Of it the stores'.
    stores: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.told.requests / self.told.seconds


#: Runs the load on one contender for so many seconds.
Load = Callable[[int], Block]


@dataclass
class Measured:
    """All blocks of one path, by contender, in the order in which they were run."""

    path: str
    #: Whose cost the others' is compared with.
    base: str
    blocks: dict[str, list[Block]] = field(default_factory=lambda: defaultdict(list))
    #: Whoever failed, and why; such a contender has no blocks.
    failed: dict[str, str] = field(default_factory=dict)

    def fail(self, name: str, reason: object) -> None:
        """Leave a contender out from now on."""
        self.failed[name] = str(reason)
        self.blocks.pop(name, None)


class Spent(NamedTuple):
    """CPU time so far, in seconds."""

    servers: float
    stores: float

    @classmethod
    def by(cls, servers: Sequence[Process], stores: Sequence[Process]) -> "Spent":
        """What these have taken by now."""
        return cls(cpu_seconds(servers), cpu_seconds(stores))

    def block(self, since: "Spent", told: Told) -> Block:
        """What it came to for each request since then."""
        if told.requests == 0:
            raise DevStackError("no request was answered")
        servers, stores = self.servers - since.servers, self.stores - since.stores
        return Block(told, 1e6 * (servers + stores) / told.requests, 1e6 * stores / told.requests)


T = TypeVar("T")


def order(contenders: Sequence[T], rounds: int) -> Iterator[T]:
    """There and back again: what drifts meanwhile strikes all alike."""
    for number in range(rounds):
        yield from contenders if number % 2 == 0 else reversed(contenders)


def asking(wrk: Wrk, path: str, server: UnderTest, etag: str, stores: Sequence[Process]) -> Load:
    """wrk on one path of a server."""

    def load(seconds: int) -> Block:
        before = Spent.by(server.processes, stores)
        told = wrk.run(path, server.port, seconds, etag)
        return Spent.by(server.processes, stores).block(before, told)

    return load


def measure(
    measured: Measured,
    loads: Mapping[str, Load],
    *,
    rounds: int,
    seconds: int,
    warm_up: int = 1,
    tell: Callable[[str], None],
) -> None:
    """Warm each contender up for so many seconds, then run every block; `tell` hears of each before it begins.

    Whoever fails is left out from then on, and costs no other its figures.
    """

    def run(name: str, seconds: int, what: str) -> Block | None:
        tell(what)
        if name in measured.failed:
            return None
        try:
            return loads[name](seconds)
        except DevStackError as error:
            measured.fail(name, error)
            return None

    if warm_up:
        for name in loads:
            run(name, warm_up, f"{name}: warm-up")
    for name in order(list(loads), rounds):
        if block := run(name, seconds, name):
            measured.blocks[name].append(block)

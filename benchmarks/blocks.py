"""The plan of a measurement: every contender in blocks, A B B A, each with the CPU time that it cost."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from benchmarks.contender import TUTORIAL, Contender, cpu_seconds
from benchmarks.generator import Told, Wrk
from flask_scale.dev.process import Process


class UnderTest(Protocol):
    """A server that can be asked."""

    contender: Contender
    port: int

    @property
    def processes(self) -> Sequence[Process]: ...


@dataclass(frozen=True)
class Block:
    """One run of the load on one contender."""

    told: Told
    #: CPU time a request of all processes of the path, in microseconds.
    cpu: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.told.requests / self.told.seconds


@dataclass
class Measured:
    """All blocks of one path, by contender, in the order in which they were run."""

    path: str
    #: Whose cost the others' is compared with.
    base: str
    blocks: dict[str, list[Block]] = field(default_factory=lambda: defaultdict(list))


T = TypeVar("T")


def order(contenders: Sequence[T], rounds: int) -> Iterator[T]:
    """There and back again: what drifts meanwhile strikes all alike."""
    for number in range(rounds):
        yield from contenders if number % 2 == 0 else reversed(contenders)


def measure(
    path: str,
    servers: Sequence[UnderTest],
    stores: Sequence[Process],
    wrk: Wrk,
    *,
    etags: dict[str, str],
    rounds: int,
    seconds: int,
    tell: Callable[[str], None],
) -> Measured:
    """Warm each server up, then run every block; `tell` hears of each before it begins."""
    for server in servers:
        tell(f"{server.contender.name}: warm-up")
        wrk.run(path, server.port, 1, etags[server.contender.name])
    measured = Measured(path, TUTORIAL)
    for server in order(servers, rounds):
        name = server.contender.name
        tell(name)
        processes = [*server.processes, *stores]
        before = cpu_seconds(processes)
        told = wrk.run(path, server.port, seconds, etags[name])
        spent = cpu_seconds(processes) - before
        measured.blocks[name].append(Block(told, 1e6 * spent / max(told.requests, 1)))
    return measured

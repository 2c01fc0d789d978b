"""Memory of the server's processes while ever other URLs go through its response cache: flat is right.

One worker, as all URLs then go through one process. Until the worker's own cache is full memory grows, by
FLASK_SCALE_CACHE_MEMORY_BYTES and what holds it; from half of the URLs on it must not.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.contender import LOAD_CPU, family, running_on
from benchmarks.generator import CONNECTIONS
from benchmarks.growth.client import Client
from benchmarks.growth.server import running
from benchmarks.stores import Stores
from flask_scale.dev.process import Process
from flask_scale.errors import DevStackError
from tests.load.figures import Results

MIB = 1024 * 1024

#: Looks at the memory while the URLs go through; even, so that one is at half of them.
LOOKS = 50

#: Requests before the first look, all of one URL.
WARM_UP = 200

#: Most that the second half of the URLs may add, as a share of what was there.
MOST_GROWTH = 0.05


@dataclass(frozen=True)
class Extent:
    """How much of it is measured."""

    urls: int = 1_000_000
    #: Rest before the last look.
    rest_seconds: float = 10.0
    #: No more URLs after so long: the figures then say how many there were.
    most_seconds: float = 3600.0

    @property
    def steps(self) -> int:
        """How often `tell` is called."""
        return LOOKS + 2


class Look(NamedTuple):
    """Memory in MiB once so many URLs have gone through."""

    urls: int
    server: float
    cache: float


@dataclass(frozen=True)
class Memory:
    """What was found."""

    #: The first before any URL.
    looks: Sequence[Look]
    #: After a rest.
    after: Look
    seconds: float

    @property
    def growth(self) -> float:
        """What the second half of the URLs added, as a share."""
        half = self.looks[len(self.looks) // 2].server
        return (self.looks[-1].server - half) / half


def run(extent: Extent, stores: Stores, folder: Path, tell: Callable[[str], None]) -> Memory:
    """Send them through.

    Raises:
        DevStackError: an answer was not 200.
    """
    with running("memory", stores, folder) as server:

        def look(urls: int) -> Look:
            return Look(urls, memory(server) / MIB, memory(stores.cache) / MIB)

        with running_on({LOAD_CPU}):
            tell("before")
            _visit(server.port, ["/pages/0"] * WARM_UP)
            looks = [look(0)]
            begun = time.monotonic()
            for number in range(LOOKS):
                first, last = (extent.urls * one // LOOKS for one in (number, number + 1))
                if time.monotonic() - begun > extent.most_seconds and number > 1:
                    break
                tell(f"{first:,} of {extent.urls:,} URLs, {looks[-1].server:.0f} MiB")
                _visit(server.port, [f"/pages/{1 + url}" for url in range(first, last)])
                looks.append(look(last))
            seconds = time.monotonic() - begun
            tell("after")
            time.sleep(extent.rest_seconds)
            return Memory(looks, look(looks[-1].urls), seconds)


def memory(process: Process) -> int:
    """Bytes of a process and its children; what they share counts once (PSS), where the system tells it."""
    return sum(_bytes(one) for one in family(process))


def _bytes(process: psutil.Process) -> int:
    try:
        full = process.memory_full_info()
    except psutil.NoSuchProcess:
        return 0
    return int(getattr(full, "pss", full.rss))


def _visit(port: int, paths: Sequence[str]) -> None:
    """Ask for each, as fast as the answers come."""

    async def visit(client: Client, left: Iterator[str]) -> None:
        for path in left:
            answer = await client.get(path)
            if answer.status != 200:
                raise DevStackError(f"memory: {path} was answered {answer.status}")

    async def all_of_them() -> None:
        left = iter(paths)
        async with Client(port, connections=CONNECTIONS) as client:
            await asyncio.gather(*(visit(client, left) for _ in range(CONNECTIONS)))

    try:
        asyncio.run(all_of_them())
    except (OSError, TimeoutError) as error:
        raise DevStackError(f"memory: no answer: {error!r}") from error


def add(results: Results, found: Memory) -> None:
    """Its figures."""
    for name, look in {
        "before": found.looks[0],
        "at half": found.looks[len(found.looks) // 2],
        "at the end": found.looks[-1],
        "after": found.after,
    }.items():
        results.add(f"memory {name}: URLs", look.urls, "URLs")
        results.add(f"memory {name}: server", round(look.server, 1), "MiB")
        results.add(f"memory {name}: Valkey", round(look.cache, 1), "MiB")
    results.add("memory: the server's most", round(max(look.server for look in found.looks), 1), "MiB")
    results.add("memory: rate meanwhile", round(found.looks[-1].urls / found.seconds, 1), "requests/s")
    results.at_most("memory: growth from half of the URLs to all", round(found.growth, 4), "share", MOST_GROWTH)

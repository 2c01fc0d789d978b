"""What a scrape of /metrics costs in an app of many routes, each visited once."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks.contender import LOAD_CPU, Server, cpu_seconds, running_on
from benchmarks.growth.client import Client
from benchmarks.growth.server import running
from benchmarks.stores import Stores
from flask_scale.errors import DevStackError
from tests.load.figures import Results

ROUTES = (10, 100, 1_000)


@dataclass(frozen=True)
class Extent:
    """How much of it is measured."""

    scrapes: int = 100

    @property
    def steps(self) -> int:
        """How often `tell` is called."""
        return len(ROUTES)


class Scrape(NamedTuple):
    """One scrape of an app with so many routes."""

    routes: int
    #: Milliseconds of the server's CPU time.
    cpu: float
    #: Of the answer.
    size: int


def run(extent: Extent, stores: Stores, folder: Path, tell: Callable[[str], None]) -> Sequence[Scrape]:
    """A server for each number of routes.

    Raises:
        DevStackError: an answer was not 200, or does not tell of every route.
    """
    found = []
    for routes in ROUTES:
        tell(f"{routes:,} routes")
        with running(f"scrape of {routes}", stores, folder, routes=routes) as server, running_on({LOAD_CPU}):
            found.append(asyncio.run(_scrape(server, routes, extent.scrapes)))
    return found


async def _scrape(server: Server, routes: int, scrapes: int) -> Scrape:
    async with Client(server.port, connections=1) as client:
        for number in range(routes):
            await _body(client, f"/routes/{number}")
    async with Client(server.internal_port, connections=1) as client:
        size = len(body := await _body(client, "/metrics"))
        if missing := [number for number in range(routes) if f'"/routes/{number}"'.encode() not in body]:
            raise DevStackError(f"scrape: /metrics tells nothing of {len(missing)} routes, such as {missing[0]}")
        before = cpu_seconds([server])
        for _ in range(scrapes):
            await _body(client, "/metrics")
        return Scrape(routes, 1000 * (cpu_seconds([server]) - before) / scrapes, size)


async def _body(client: Client, path: str) -> bytes:
    try:
        answer = await client.get(path)
    except (OSError, TimeoutError) as error:
        raise DevStackError(f"scrape: {path}: {error!r}") from error
    if answer.status != 200:
        raise DevStackError(f"scrape: {path} was answered {answer.status}")
    return answer.body


def add(results: Results, found: Sequence[Scrape]) -> None:
    """Its figures."""
    for one in found:
        results.add(f"scrape, {one.routes:,} routes: CPU", round(one.cpu, 2), "ms")
        results.add(f"scrape, {one.routes:,} routes: size", one.size, "bytes")

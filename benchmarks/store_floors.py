"""What no server can beat that asks a store for each request: the store alone, asked by a client that does little else.

The clients stand where wrk does, on the load's CPU and not counted: the CPU time is the store's. `Valkey GET` reads
the report's gzip bytes on as many connections as wrk has, one command on each at a time, by redis-py with hiredis's
parser (the wheel has no valkey-benchmark). `pgbench -S` is PostgreSQL's own, with prepared statements.
"""

import gzip
import math
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import redis

from benchmarks.blocks import Block, Spent
from benchmarks.contender import LOAD_CPU, running_on
from benchmarks.expected import report_body
from benchmarks.generator import CONNECTIONS, Told
from benchmarks.stores import Stores
from flask_scale.dev.process import Process
from flask_scale.errors import DevStackError

KEY = "benchmark:report"

#: Of pgbench's tables: 100,000 rows.
SCALE = 1

#: A line that pgbench writes each second: when, and transactions a second since the line before.
PROGRESS = re.compile(r"^progress: ([\d.]+) s, ([\d.]+) tps")

#: What pgbench has for its connections, beyond the asked time; the asked time begins after its first second with any.
CONNECT_SECONDS = 3

#: Longest time beyond the asked one that pgbench may take, in seconds.
SPARE_SECONDS = 60

REST_SECONDS = 0.5


class ValkeyGet:
    """GETs of the report's gzip bytes."""

    name, path = "Valkey GET (no HTTP)", "r"

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    def prepare(self) -> None:
        """Put the bytes there."""
        with redis.Redis.from_url(self._stores.cache.url) as client:
            client.set(KEY, gzip.compress(report_body(), 6, mtime=0))

    def load(self, seconds: int) -> Block:
        """Ask as fast as the answers come."""
        pool = redis.ConnectionPool.from_url(self._stores.cache.url)
        connections = [pool.get_connection() for _ in range(CONNECTIONS)]
        try:
            with running_on({LOAD_CPU}):
                return self._ask(connections, seconds)
        except redis.RedisError as error:
            raise DevStackError(f"{self.name}: {error}") from error
        finally:
            pool.disconnect()

    def _ask(self, connections: Sequence[redis.Connection], seconds: int) -> Block:
        asked = 0
        processes = [self._stores.cache]
        before, begun = Spent.by((), processes), time.monotonic()
        while time.monotonic() < begun + seconds:
            for connection in connections:
                connection.send_command("GET", KEY)
            for connection in connections:
                if not connection.read_response():
                    raise DevStackError(f"{self.name}: the key is gone")
            asked += len(connections)
        told = Told(asked, time.monotonic() - begun, math.nan, math.nan, 0)
        return Spent.by((), processes).block(before, told)


class PgBench:
    """One row by its key, a transaction each, as `pgbench -S -M prepared` has it."""

    name, path = "pgbench -S (no HTTP)", "i"

    def __init__(self, stores: Stores) -> None:
        # Beside the server, in one wheel.
        self._program = Path(stores.postgres.command()[0]).with_name("pgbench")
        self._environment = {**os.environ, **_led_to(stores.database_url)}
        self._processes: Sequence[Process] = [stores.postgres]

    def prepare(self) -> None:
        """Make its tables."""
        words = [self._program, "--initialize", "--quiet", f"--scale={SCALE}"]
        options: dict[str, Any] = {"env": self._environment, "capture_output": True, "timeout": SPARE_SECONDS}
        try:
            subprocess.run(words, check=True, **options)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            raise DevStackError(f"{self.name}: {error}: {(error.stderr or b'').decode()[-1000:]}") from error

    def load(self, seconds: int) -> Block:
        """Run it, and count from its first second's end: connecting costs the server more than many a read."""
        words = ["-S", "-M", "prepared", "-n", "-c", CONNECTIONS, "-j", 1, "-P", 1, "-T", seconds + CONNECT_SECONDS]
        with running_on({LOAD_CPU}):
            child = subprocess.Popen(
                [self._program, *map(str, words)],
                env=self._environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
        hung = threading.Timer(seconds + SPARE_SECONDS, child.kill)
        hung.start()
        try:
            assert child.stderr is not None
            return self._watch(child.stderr, seconds)
        finally:
            hung.cancel()
            child.kill()
            child.communicate()
            # The server ends its side of the connections: that is not the next one's cost.
            time.sleep(REST_SECONDS)

    def _watch(self, lines: Iterable[str], seconds: int) -> Block:
        begun: tuple[float, Spent] | None = None
        block: Block | None = None
        transactions = 0.0
        for second in seconds_of(lines):
            spent = Spent.by((), self._processes)
            if begun is None or not transactions + second.transactions:
                begun = second.end, spent
                continue
            transactions += second.transactions
            told = Told(round(transactions), second.end - begun[0], math.nan, math.nan, 0)
            block = spent.block(begun[1], told)
            if told.seconds > seconds - 0.5:
                return block
        if block is None:
            raise DevStackError(f"{self.name} told nothing of two seconds in a row")
        return block


class Second(NamedTuple):
    """About a second of pgbench."""

    #: Seconds after its start.
    end: float
    transactions: float


def seconds_of(lines: Iterable[str]) -> Iterator[Second]:
    """What pgbench tells while it runs."""
    before = 0.0
    for line in lines:
        if found := PROGRESS.match(line):
            end, rate = map(float, found.groups())
            yield Second(end, rate * (end - before))
            before = end


def _led_to(url: str) -> Mapping[str, str]:
    """By the environment: arguments can be read by others."""
    parts = urlsplit(url)
    return {
        "PGHOST": parts.hostname or "",
        "PGPORT": str(parts.port),
        "PGUSER": parts.username or "",
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": parts.path.lstrip("/"),
    }

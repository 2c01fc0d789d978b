"""The whole architecture as processes of this machine, for faults to be done to it.

Nginx before two gunicorn instances, Celery workers, PostgreSQL, broker and cache, each on a free port of loopback;
database and broker are reached through proxies that can be slow. What ends is started again, as a cluster does it.
"""

import contextlib
import os
import resource
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg2

from flask_scale import migrate
from flask_scale.dev.account import reachable_folder, unprivileged
from flask_scale.dev.app import AppProcess, Instance, Worker
from flask_scale.dev.nginx import Nginx
from flask_scale.dev.postgres import Postgres
from flask_scale.dev.process import Process, free_port
from flask_scale.dev.valkey import Valkey
from flask_scale.errors import DevStackError
from flask_scale.settings import Settings
from services.domain.dev import make_key
from tests.faults.proxy import Proxy
from tests.load.facts import Query, postgres_rows
from tests.support.directory import MIGRATIONS

DATABASE = "app"

#: Between two looks at the parts, in seconds.
LOOK_SECONDS = 0.1

#: Longest start of an API or a Celery worker, in seconds, on a machine that has much else to do.
START_SECONDS = 180.0


class Times(NamedTuple):
    """Of the jobs, in seconds."""

    lease: float
    heartbeat: float
    sweep: float
    #: Longest wait before a retry.
    backoff_cap: float


#: What production has where nobody sets another.
PRODUCTION = Times(30, 10, 5, 300)
#: In the same proportions, for a test of a minute, and for one that waits for many leases to end.
SHORT = Times(6, 2, 1, 5)
SHORTEST = Times(3, 1, 0.5, 2)


class Broker(Valkey):
    """A broker whose disk can be full."""

    def command(self) -> Sequence[str | Path]:
        # Else the first write over the limit would be the end of the process, as no full disk is.
        return ["sh", "-c", 'trap "" XFSZ; exec "$0" "$@"', *super().command()]

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """No file of it can grow while the block lasts: writes fail (EFBIG), as ENOSPC would make them."""
        _, hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        size = max((file.stat().st_size for file in self.folder.rglob("*.aof")), default=0)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (hard, hard))


class Stand:
    """The parts. Use it as a context manager, from the main thread; its files are in `folder`.

    Args:
        durable: PostgreSQL flushes each commit to the disk.
        settings: More FLASK_SCALE_* for API and Celery workers, without the prefix.
    """

    def __init__(
        self, folder: Path, times: Times, *, apis: int = 2, workers: int = 2, durable: bool = False, **settings: str
    ) -> None:
        self.folder = folder
        self.times = times
        self.failpoints = folder / "failpoints"
        self.postgres = Postgres(
            reachable_folder(folder / "postgres", unprivileged()) / "data",
            free_port(),
            log=self.log("postgres"),
            durable=durable,
        )
        self.cache = Valkey.cache(folder / "cache", free_port(), log=self.log("cache"))
        self.broker = Broker.broker(folder / "broker", free_port(), log=self.log("broker"))
        self.database_proxy = Proxy(self.postgres.port)
        self.broker_proxy = Proxy(self.broker.port)
        self.apis: list[Instance] = []
        self.workers: list[Worker] = []
        self.key = ""
        self._counts = apis, workers
        self._settings = settings
        self._held: set[str] = set()
        self._stack = ExitStack()

    def __enter__(self) -> "Stand":
        with ExitStack() as stack:
            for server in self._servers:
                stack.callback(server.kill)
                server.start()
            stack.enter_context(self.database_proxy)
            stack.enter_context(self.broker_proxy)
            self.failpoints.mkdir()
            self._prepare_database()
            self._make_app()
            for part in self._app:
                stack.callback(part.kill)
                part.ready_seconds = START_SECONDS
                part.launch()
            for part in self._app:
                part.wait_ready()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        """Where clients go."""
        return self.nginx.url

    @property
    def database_url(self) -> str:
        """The database itself, without the proxy."""
        return self.postgres.url(DATABASE)

    @property
    def query(self) -> Query:
        """SQL for those who judge."""
        return postgres_rows(self.database_url)

    def log(self, name: str) -> Path:
        """What a part writes."""
        return self.folder / "logs" / f"{name}.log"

    def execute(self, statement: str) -> None:
        """Run SQL on the database itself."""
        with closing(psycopg2.connect(self.database_url)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement)

    def tend(self) -> None:
        """Start again what ended, but for what a fault holds down."""
        for part in (*self._servers, *self._app):
            if not part.running and part.name not in self._held:
                part.kill()  # what it left behind
                part.launch()

    @contextmanager
    def held(self, part: Process) -> Iterator[None]:
        """What ends meanwhile stays down until the block does."""
        self._held.add(part.name)
        try:
            yield
        finally:
            self._held.discard(part.name)
            self.tend()

    def heal(self) -> None:
        """Wait until every part answers, and no failpoint is armed any more.

        Raises:
            DevStackError: a part does not answer within `START_SECONDS`.
        """
        for file in self.failpoints.iterdir():
            file.unlink(missing_ok=True)
        for part in (*self._servers, *self._app):
            part.resume()
        self._wait_for(*self._servers, *self._app)

    def wait_for_servers(self) -> None:
        """Wait until database, cache and broker answer.

        Raises:
            DevStackError: as `heal`.
        """
        self._wait_for(*self._servers)

    def _wait_for(self, *parts: Process) -> None:
        deadline = time.monotonic() + START_SECONDS
        for part in parts:
            while not part.is_ready():
                if time.monotonic() > deadline:
                    raise DevStackError(f"{part.name} does not answer: see {part.log}")
                self.tend()
                time.sleep(LOOK_SECONDS)

    @property
    def _servers(self) -> Sequence[Process]:
        return (self.postgres, self.cache, self.broker)

    @property
    def _app(self) -> Sequence[Process]:
        return (*self.apis, *self.workers, self.nginx)

    def _prepare_database(self) -> None:
        settings = Settings(database_url=self.postgres.ensure_database(DATABASE), migrations=MIGRATIONS)
        migrate.upgrade(settings)
        self.key = make_key(settings)
        self.execute("CREATE TABLE steps (job_id uuid, step integer)")

    def _make_app(self) -> None:
        environment = self._environment()
        apis, workers = self._counts
        for name in (f"api-{number}" for number in range(1, apis + 1)):
            app = "tests.faults.app:create_api()"
            ports = {"port": free_port(), "internal_port": free_port()}
            self.apis.append(Instance(name, self.log(name), app, environment, **ports))
        for name in (f"worker-{number}" for number in range(1, workers + 1)):
            app = "tests.faults.app:create_worker()"
            self.workers.append(Worker(name, self.log(name), app, environment, internal_port=free_port()))
        folder = reachable_folder(self.folder / "nginx", unprivileged())
        self.nginx = Nginx(folder, free_port(), [api.port for api in self.apis], log=self.log("nginx"))

    def _environment(self) -> Mapping[str, str]:
        lease, heartbeat, sweep, backoff_cap = self.times
        settings = {
            "DATABASE_URL": self.database_url.replace(f":{self.postgres.port}/", f":{self.database_proxy.port}/"),
            "BROKER_URL": self.broker.url.replace(f":{self.broker.port}/", f":{self.broker_proxy.port}/"),
            "CACHE_URL": self.cache.url,
            "FAILPOINTS": str(self.failpoints.absolute()),
            "WORKERS": "1",
            "LOG_FORMAT": "console",
            "DRAIN_SECONDS": "0.2",
            "GRACEFUL_TIMEOUT_SECONDS": "5",
            "JOB_LEASE_SECONDS": str(lease),
            "JOB_HEARTBEAT_SECONDS": str(heartbeat),
            "JOB_SWEEP_SECONDS": str(sweep),
            "JOB_BACKOFF_CAP_SECONDS": str(backoff_cap),
            **self._settings,
        }
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("FLASK_SCALE_")}
        own = {f"FLASK_SCALE_{name}": value for name, value in settings.items()}
        return {**inherited, **own, "PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join(sys.path)}


def name_of(worker: AppProcess) -> str:
    """What a running Celery worker calls itself in `jobs` and `job_events`."""
    return f"flask-scale-{worker.pid}@{socket.gethostname()}"

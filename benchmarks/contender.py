"""One server under test: how it is started, and the CPU time of its processes."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.stores import Stores
from flask_scale.dev.account import Account
from flask_scale.dev.nginx import Nginx
from flask_scale.dev.probe import status_of
from flask_scale.dev.process import Process, free_port
from flask_scale.errors import DevStackError

PYTHON = sys.executable

#: Where each server runs, and the load apart from it.
SERVER_CPU, LOAD_CPU = 0, 1

#: Of a log, so many characters of its end are told where a process fails: the log goes with the run.
TOLD_OF_LOG = 600


@dataclass(frozen=True)
class Contender:
    """A name in the tables, the words that start it ({port} is filled in), and the paths that it has."""

    name: str
    command: Sequence[str]
    paths: str
    environment: Mapping[str, str] = field(default_factory=dict)
    #: Behind an nginx that keeps public responses.
    edge: bool = False


class UnderTest(Process):
    """What is asked over HTTP on 127.0.0.1:`port`, and runs where it is started: on SERVER_CPU."""

    def __init__(self, contender: Contender, folder: Path, *, account: Account | None = None) -> None:
        label = contender.name.replace(" ", "-").replace("/", "-")
        super().__init__(contender.name, folder / f"{label}.log", account=account)
        self.contender = contender
        self.port = free_port()
        #: For files of its own.
        self.folder = (folder / label).absolute()

    @property
    def processes(self) -> Sequence[Process]:
        """Those whose CPU time a request costs, stores apart."""
        return (self,)


class Server(UnderTest):
    """A contender's processes."""

    ready_seconds = 60.0

    def __init__(self, contender: Contender, stores: Stores, folder: Path) -> None:
        super().__init__(contender, folder)
        self.internal_port = free_port()
        self._stores = stores

    def command(self) -> Sequence[str]:
        return [word.format(port=self.port) for word in self.contender.command]

    def environment(self) -> Mapping[str, str]:
        binds = {"BIND": self.port, "INTERNAL_BIND": self.internal_port}
        ours = {f"FLASK_SCALE_{name}": f"127.0.0.1:{port}" for name, port in binds.items()}
        return {**self._stores.environment(), **ours, **self.contender.environment}

    def is_ready(self) -> bool:
        return status_of(f"http://127.0.0.1:{self.port}/report") == 200


class EdgeServer(Server):
    """The same behind an nginx that keeps public responses."""

    def __init__(self, contender: Contender, stores: Stores, folder: Path) -> None:
        super().__init__(contender, stores, folder)
        self.nginx = Nginx(folder / "edge", free_port(), [self.port], caches=True)

    def start(self) -> None:
        super().start()
        self.nginx.start()
        self.port = self.nginx.port

    def stop(self) -> None:
        self.nginx.stop()
        super().stop()

    @property
    def processes(self) -> Sequence[Process]:
        return (self, self.nginx)


@contextmanager
def running_on(cpus: Iterable[int]) -> Iterator[None]:
    """Run on these CPUs alone meanwhile: this thread, and what it starts for good."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(processes: Iterable[Process]) -> float:
    """CPU time that these processes and all their children have taken so far.

    Raises:
        DevStackError: one of them has ended.
    """
    return sum(_cpu(one) for process in processes for one in family(process))


def family(process: Process) -> list[psutil.Process]:
    """A process and all its children.

    Raises:
        DevStackError: it has ended.
    """
    if not process.running:
        raise DevStackError(f"{process.name} {process.how_it_ended()}: {end_of_log(process)}")
    parent = psutil.Process(process.pid)
    return [parent, *parent.children(recursive=True)]


def end_of_log(process: Process) -> str:
    """The last that it wrote."""
    try:
        return process.log.read_text(errors="replace")[-TOLD_OF_LOG:].strip()
    except FileNotFoundError:
        return ""


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    # Of its children those that have ended.
    return float(times.user + times.system + times.children_user + times.children_system)


APPS = "benchmarks.contenders"


def _gunicorn(app: str, *words: str) -> tuple[str, ...]:
    return (PYTHON, "-m", "gunicorn", "-w", "1", *words, "-b", "127.0.0.1:{port}", f"{APPS}.{app}")


def _gthread(app: str) -> tuple[str, ...]:
    return _gunicorn(app, "-k", "gthread", "--threads", "8")


def _granian(app: str, *words: str) -> tuple[str, ...]:
    alone = ("--interface", "wsgi", "--workers", "1", "--no-ws", "--host", "127.0.0.1", "--port", "{port}")
    return (PYTHON, "-m", "granian", *alone, *words, f"{APPS}.{app}")


def _uvicorn(app: str) -> tuple[str, ...]:
    quiet = ("--no-access-log", "--log-level", "warning")
    return (PYTHON, "-m", "uvicorn", "--host", "127.0.0.1", "--port", "{port}", *quiet, f"{APPS}.{app}")


def ours(worker_class: str, **settings: str) -> Mapping[str, str]:
    """The environment of flask_scale with these settings, by names without the prefix."""
    settings = {"WORKERS": "1", "WORKER_CLASS": worker_class, "ACCESS_LOG": "0", **settings}
    return {f"FLASK_SCALE_{name}": value for name, value in settings.items()}


SERVE = (PYTHON, "-m", "flask_scale", "serve", f"{APPS}.ours:app")
TUTORIAL = "tutorial"

#: The paths of each: r is the cached report, c the conditional one, i a row, j a job.
CONTENDERS: Sequence[Contender] = (
    Contender(TUTORIAL, _gunicorn("tutorial:app", "-k", "gevent"), "rcij"),
    Contender("tutorial again (A/A)", _gunicorn("tutorial:app", "-k", "gevent"), "rcij"),
    Contender("tutorial on gthread", _gthread("tutorial:app"), "ri"),
    Contender("tutorial on Granian", _granian("tutorial:app", "--blocking-threads", "8"), "rij"),
    Contender("Flask-Caching", _gunicorn("caching:app", "-k", "gevent"), "r"),
    Contender("FastAPI on uvicorn", _uvicorn("fast_api:app"), "ri"),
    Contender("Falcon on gthread", _gthread("falcon_app:app"), "ri"),
    Contender("Django on gthread", _gthread("django_app:app"), "ri"),
    Contender("bare WSGI on gevent", _gunicorn("bare:app", "-k", "gevent"), "r"),
    Contender("bare WSGI on Granian", _granian("bare:app"), "r"),
    Contender("flask_scale on gevent", SERVE, "rcij", ours("gevent")),
    Contender("flask_scale", SERVE, "rcij", ours("fast")),
    Contender("flask_scale behind its nginx", SERVE, "rc", ours("fast", CACHE_EDGE_SECONDS="1"), edge=True),
)

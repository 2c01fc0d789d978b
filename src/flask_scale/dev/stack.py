"""The whole architecture on one machine: nginx, gunicorn instances, cache, broker, PostgreSQL, Celery worker."""

import contextlib
import importlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask_scale.dev.account import reachable_folder, temporary_folder, unprivileged
from flask_scale.dev.app import Instance, Worker
from flask_scale.dev.folder import Folder
from flask_scale.dev.nginx import BODY_MEGABYTES, Nginx
from flask_scale.dev.output import MergedLog
from flask_scale.dev.postgres import Postgres
from flask_scale.dev.process import port_is_free, ports_from
from flask_scale.dev.supervisor import Supervisor
from flask_scale.dev.valkey import Valkey
from flask_scale.errors import DevStackError
from flask_scale.settings import PREFIX, Settings, load_settings

DATABASE = "app"

#: Settings for one machine; the environment's own values come first.
DEFAULTS = {
    "FLASK_SCALE_LOG_FORMAT": "console",
    "FLASK_SCALE_DRAIN_SECONDS": "0.2",
    "FLASK_SCALE_GRACEFUL_TIMEOUT_SECONDS": "5",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True)
class Options:
    """What `flask-scale dev` can be told."""

    app: str
    worker_app: str
    port: int = 8000
    instances: int = 2
    folder: Path = Path(".flask-scale")
    ephemeral: bool = False
    #: Show also what PostgreSQL, Valkey and nginx write.
    verbose: bool = False
    #: "module:function", called with the settings once the schema is there; returns an API key.
    after_migrate: str | None = None
    body_megabytes: int = BODY_MEGABYTES


class Stack:
    """One stack in one folder. `run` returns when it was told to end."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.folder = Folder(options.folder)
        self._output = MergedLog()
        self._supervisor = Supervisor(self._output, self.folder.record)

    def run(self) -> None:
        """Start everything, say so, look after it until Ctrl-C or SIGTERM, stop everything.

        Raises:
            DevStackError: it runs already, a port is in use, or a part cannot run.
        """
        began = time.monotonic()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _interrupt)
        with contextlib.suppress(KeyboardInterrupt), self.folder.exclusively(), self._data() as data:
            try:
                self._start(data)
                self._output.say(f"ready after {time.monotonic() - began:.1f} s; Ctrl-C stops it")
                self._supervisor.watch()
            finally:
                self.folder.retract()
                self._output.say("stopping")
                self._supervisor.stop()

    @contextlib.contextmanager
    def _data(self) -> Iterator[Path]:
        """Where the servers keep their data."""
        if not port_is_free(self.options.port):
            raise DevStackError(f"port {self.options.port} is in use: choose another with --port (make run PORT=...)")
        for name in self.folder.record.end_leftovers():
            self._output.say(f"ended {name}, left over from a stack that was killed")
        if self.options.ephemeral:
            with temporary_folder(unprivileged()) as folder:
                yield folder
        else:
            yield self.folder.path

    def _start(self, data: Path) -> None:
        ports = ports_from(self.options.port + 1)
        urls = self._start_servers(data, ports)
        environment = {**DEFAULTS, **_workers(self.options.instances), **os.environ, **urls}
        settings = load_settings(environ=environment)
        api_key = self._migrate(settings)
        instances, worker = self._start_app(environment, ports)
        nginx = Nginx(
            reachable_folder(data / "nginx", unprivileged()),
            self.options.port,
            [instance.port for instance in instances],
            log=self._log("nginx", shown=self.options.verbose),
            body_megabytes=self.options.body_megabytes,
            caches=settings.cache_edge_seconds > 0,
        )
        self._supervisor.start(nginx)
        facts = {
            "url": nginx.url,
            "internal_url": instances[0].internal_url,
            "internal_urls": {part.name: part.internal_url for part in (*instances, worker)},
            "api_key": api_key,
            **{name.removeprefix(PREFIX).lower(): url for name, url in urls.items()},
        }
        self.folder.publish(facts)
        self._announce(facts)

    def _start_servers(self, data: Path, ports: Iterator[int]) -> dict[str, str]:
        """Start PostgreSQL, cache and broker, and return the settings that lead to them."""
        shown = self.options.verbose
        postgres = Postgres(
            reachable_folder(data / "postgres", unprivileged()) / "data",
            next(ports),
            log=self._log("postgres", shown=shown),
            durable=not self.options.ephemeral,
        )
        cache = Valkey.cache(data / "cache", next(ports), log=self._log("cache", shown=shown))
        broker = Valkey.broker(data / "broker", next(ports), log=self._log("broker", shown=shown))
        self._supervisor.launch(postgres, cache, broker)
        _import_while_they_start()
        self._supervisor.wait()
        return {
            "FLASK_SCALE_DATABASE_URL": postgres.ensure_database(DATABASE),
            "FLASK_SCALE_CACHE_URL": cache.url,
            "FLASK_SCALE_BROKER_URL": broker.url,
        }

    def _start_app(self, environment: Mapping[str, str], ports: Iterator[int]) -> tuple[list[Instance], Worker]:
        options = self.options
        instances = [
            Instance(name, self._log(name), options.app, environment, port=next(ports), internal_port=next(ports))
            for name in (f"api-{number}" for number in range(1, options.instances + 1))
        ]
        worker = Worker("worker", self._log("worker"), options.worker_app, environment, internal_port=next(ports))
        self._supervisor.start(*instances, worker)
        return instances, worker

    def _log(self, name: str, *, shown: bool = True) -> Path:
        file = self.folder.log(name)
        if shown:
            self._output.follow(name, file)
        return file

    def _migrate(self, settings: Settings) -> str | None:
        """Bring the schema up, and run what the app asked for after that."""
        from flask_scale import migrate

        began = time.monotonic()
        migrate.upgrade(settings)
        hook = self.options.after_migrate
        api_key = _function(hook)(settings) if hook else None
        self._output.say(f"the schema is ready after {time.monotonic() - began:.1f} s")
        return api_key

    def _announce(self, facts: Mapping[str, Any]) -> None:
        lines = {"app": facts["url"], "metrics": f"{facts['internal_url']}/metrics", "logs": self.folder.log("*")}
        if facts["api_key"]:
            lines["API key"] = facts["api_key"]
        for name, value in lines.items():
            self._output.say(f"{name:<8} {value}")


def _workers(instances: int) -> dict[str, str]:
    """Over all instances about as many gunicorn workers as there are processors."""
    return {"FLASK_SCALE_WORKERS": str(min(4, max(1, (os.cpu_count() or 1) // instances)))}


def _import_while_they_start() -> None:
    """Load what the schema needs: a second of work, in which the servers come up."""
    importlib.import_module("flask_scale.migrate")


def _function(name: str) -> Callable[[Settings], str]:
    """The function that "module:function" names."""
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    module, _, attribute = name.partition(":")
    try:
        found: Callable[[Settings], str] = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise DevStackError(f"--after-migrate {name!r} names no function: {error}") from None
    return found


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt

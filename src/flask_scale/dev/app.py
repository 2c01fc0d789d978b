"""The app's own processes: gunicorn instances and the Celery worker, run by `flask-scale`."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from flask_scale.dev.probe import status_of
from flask_scale.dev.process import Process


class AppProcess(Process):
    """`flask-scale WORDS` with `settings` as its environment, ready when its /readyz says so."""

    ready_seconds = 60.0

    def __init__(
        self, name: str, log: Path, words: Sequence[str], settings: Mapping[str, str], internal_port: int
    ) -> None:
        super().__init__(name, log)
        self.words = words
        self.settings = settings
        self.internal_url = f"http://127.0.0.1:{internal_port}"

    def command(self) -> Sequence[str]:
        return [sys.executable, "-m", "flask_scale", *self.words]

    def environment(self) -> Mapping[str, str]:
        return self.settings

    def is_ready(self) -> bool:
        return status_of(f"{self.internal_url}/readyz") == 200


class Instance(AppProcess):
    """One gunicorn on 127.0.0.1:`port`; probes and metrics on `internal_port`."""

    def __init__(
        self, name: str, log: Path, app: str, settings: Mapping[str, str], *, port: int, internal_port: int
    ) -> None:
        binds = {
            "FLASK_SCALE_BIND": f"127.0.0.1:{port}",
            "FLASK_SCALE_INTERNAL_BIND": f"127.0.0.1:{internal_port}",
        }
        super().__init__(name, log, ["serve", app], {**settings, **binds}, internal_port)
        self.port = port


class Worker(AppProcess):
    """One Celery worker; probes and metrics on `internal_port`."""

    def __init__(self, name: str, log: Path, app: str, settings: Mapping[str, str], *, internal_port: int) -> None:
        bind = {"FLASK_SCALE_WORKER_INTERNAL_BIND": f"127.0.0.1:{internal_port}"}
        super().__init__(name, log, ["worker", app], {**settings, **bind}, internal_port)

"""`flask-scale dev` as a child process of a test."""

import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from flask_scale.dev.process import Process, free_port
from flask_scale.errors import DevStackError
from flask_scale.settings import Settings

APP = "examples.one_file.app:create_app()"


class DevStack(Process):
    """The whole architecture with one of the examples, its files in `folder`; ready when dev.json is there."""

    stop_signal = signal.SIGINT
    stop_seconds = 40.0
    ready_seconds = 100.0

    def __init__(self, folder: Path, *options: str, app: str = APP, port: int | None = None) -> None:
        super().__init__("dev", folder.with_suffix(".log"))
        self.folder = folder
        self.options = options
        self.app = app
        self.port = port or free_port()

    def start(self) -> None:
        """Until it is ready.

        Raises:
            DevStackError: it did not come up; with the end of its log, which goes away with the test.
        """
        try:
            super().start()
        except DevStackError as error:
            raise DevStackError(f"{error}\n{self.output[-3000:]}") from None

    def command(self) -> Sequence[str]:
        words = ["dev", self.app, "--port", str(self.port), "--data", str(self.folder), *self.options]
        return [sys.executable, "-m", "flask_scale", *words]

    def environment(self) -> Mapping[str, str]:
        return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "FLASK_SCALE_WORKERS": "1"}

    def is_ready(self) -> bool:
        return (self.folder / "dev.json").exists() and self.facts["pid"] == self.pid

    @property
    def facts(self) -> dict[str, Any]:
        """What dev.json says."""
        facts: dict[str, Any] = json.loads((self.folder / "dev.json").read_text())
        return facts

    @property
    def output(self) -> str:
        """The merged log."""
        return self.log.read_text()

    def pid_of(self, part: str) -> int:
        """The pid of one part."""
        pid: int = json.loads((self.folder / "processes.json").read_text())[part][0]
        return pid

    def descendants(self) -> list[psutil.Process]:
        """Every process that belongs to it."""
        return psutil.Process(self.pid).children(recursive=True)


def make_key(settings: Settings) -> str:
    """What an app may name in --after-migrate."""
    assert settings.database_url
    return "key-of-the-test"

"""Small Python programs as supervised processes."""

import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from flask_scale.dev.process import Process

#: Writes "ready" and lives until it is told to end.
SERVER = "import signal; print('ready', flush=True); signal.pause()"


class Script(Process):
    """Runs `code`; ready once it has written "ready"."""

    def __init__(self, folder: Path, code: str = SERVER, name: str = "script") -> None:
        super().__init__(name, folder / f"{name}.log")
        self.code = code

    def command(self) -> Sequence[str]:
        return [sys.executable, "-c", self.code]

    def prepare(self) -> None:
        self.log.unlink(missing_ok=True)

    def is_ready(self) -> bool:
        return self.log.exists() and "ready" in self.log.read_text()


def is_alive(pid: int) -> bool:
    """True for a process that runs; a zombie does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

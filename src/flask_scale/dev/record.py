"""Which processes a stack has started, on disk, so that the next start can end what a crash left."""

import contextlib
import json
import os
import signal
from collections.abc import Iterable
from pathlib import Path

import psutil

from flask_scale.dev.process import Process

#: Longest orderly end of a leftover, in seconds.
PATIENCE_SECONDS = 10.0


class Record:
    """`processes.json`: name, pid and time of start of every running part."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def write(self, parts: Iterable[Process]) -> None:
        """Record the parts that run now."""
        self.file.write_text(json.dumps({part.name: _identity(part.pid) for part in parts if part.running}, indent=2))

    def remove(self) -> None:
        """Forget all: they have ended."""
        self.file.unlink(missing_ok=True)

    def end_leftovers(self) -> list[str]:
        """End what a stack that crashed left running, and return the names."""
        found = self._leftovers()
        for process in found.values():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()
                process.terminate()
        _gone, alive = psutil.wait_procs(found.values(), timeout=PATIENCE_SECONDS)
        for process in alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        psutil.wait_procs(alive, timeout=PATIENCE_SECONDS)
        self.remove()
        return list(found)

    def _leftovers(self) -> dict[str, psutil.Process]:
        try:
            recorded = json.loads(self.file.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        found = {}
        for name, (pid, created) in recorded.items():
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                if abs(process.create_time() - created) < 0.1:
                    found[name] = process
        return found


def _identity(pid: int) -> tuple[int, float]:
    try:
        return pid, psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return pid, 0.0

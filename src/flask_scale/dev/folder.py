"""The folder of one stack, `.flask-scale/`: its lock, its logs, and what it tells scripts."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flask_scale.dev.record import Record
from flask_scale.errors import DevStackError


class Folder:
    """What a stack keeps on disk beside the servers' data. Git ignores all of it."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.record = Record(self.path / "processes.json")
        self._facts = self.path / "dev.json"

    def log(self, name: str) -> Path:
        """The log of one part."""
        return self.path / "log" / f"{name}.log"

    @contextlib.contextmanager
    def exclusively(self) -> Iterator[None]:
        """Hold the folder; the system lets go of it when this process ends, however it ends.

        Raises:
            DevStackError: another stack holds it, or it cannot be written.
        """
        try:
            self._make()
            lock = (self.path / "lock").open("a")
        except PermissionError:
            raise DevStackError(f"{self.path} belongs to another user: choose another folder with --data") from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DevStackError(self._who_runs()) from None
            self._empty_logs()
            yield

    def publish(self, facts: Mapping[str, Any]) -> None:
        """Write `dev.json`, whole or not at all, for its owner alone: it holds passwords."""
        fresh = self._facts.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps({**facts, "pid": os.getpid()}, indent=2) + "\n")
        fresh.rename(self._facts)

    def retract(self) -> None:
        """Remove `dev.json`: the stack is no longer ready."""
        self._facts.unlink(missing_ok=True)

    def _make(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / ".gitignore").write_text("*\n")
        (self.path / "log").mkdir(exist_ok=True)

    def _empty_logs(self) -> None:
        self.retract()
        for file in (self.path / "log").glob("*.log"):
            file.unlink()

    def _who_runs(self) -> str:
        try:
            facts = json.loads(self._facts.read_text())
        except (FileNotFoundError, ValueError):
            return f"a stack is starting or ending in {self.path}: wait for it, or choose another folder with --data"
        return (
            f"it runs already at {facts['url']} (process {facts['pid']}): "
            "stop that one, or choose another folder with --data and another --port"
        )

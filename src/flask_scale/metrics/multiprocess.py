"""Counters that many processes share, in files keyed by slot instead of process id.

prometheus_client opens files for each process id and never closes them for the dead, so series
and scrape time grow with every recycled gunicorn worker. A slot is used again by the next worker,
which goes on counting in the files of the one before: nothing is lost and nothing grows.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import Metric, values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

PREFIX = "flask-scale-metrics-"

#: Age in seconds from which a folder that nobody holds is one that a killed master left.
STALE_SECONDS = 60

#: What the process writes to: its slot's number, or the master's own name.
_writer = "master"


def enable() -> str:
    """Make a fresh folder and count in it from now on. Call it in the master, before any metric is made.

    The folder lies in `PROMETHEUS_MULTIPROC_DIR` where that is set, else in memory. Folders of
    masters that were killed are removed.
    """
    parent = Path(os.environ.get(VARIABLE) or _memory())
    _remove_stale(parent)
    folder = tempfile.mkdtemp(prefix=PREFIX, dir=parent)
    # Kept open, and with it the lock, by the master and its forks as long as any of them lives.
    fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_EX)
    os.environ[VARIABLE] = folder
    values.ValueClass = values.MultiProcessValue(process_identifier=lambda: _writer)  # type: ignore[no-untyped-call]
    return folder


def directory() -> str | None:
    """The folder in which the processes count, or None where each process counts for itself."""
    return os.environ.get(VARIABLE) or None


def attach(slot: int) -> None:
    """Count as `slot` from now on, in a process that was just forked."""
    global _writer
    _writer = str(slot)


def release(slot: int) -> None:
    """Drop the live gauges of a process that ended; its counters stay for the next."""
    mark_process_dead(slot)  # type: ignore[no-untyped-call]


class SharedCollector(MultiProcessCollector):
    """prometheus_client's own sum over the files, but for those that a process has just begun.

    A file is empty between its making and its first growth; the library's reader fails on that.
    """

    def collect(self) -> Iterable[Metric]:
        """Give the families of every file that holds something."""
        return self.merge([str(file) for file in Path(self._path).glob("*.db") if _holds_values(file)])  # type: ignore


def remove(folder: str) -> None:
    """Delete the folder when the master ends; what takes its place by exec makes one beside it."""
    shutil.rmtree(folder, ignore_errors=True)
    if os.environ.get(VARIABLE) == folder:
        os.environ[VARIABLE] = str(Path(folder).parent)


def _holds_values(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:  # a live gauge of a process that has just ended
        return False


def _memory() -> str:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else tempfile.gettempdir()  # noqa: S108


def _remove_stale(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            if time.time() - folder.stat().st_mtime > STALE_SECONDS and not _is_held(folder):
                remove(str(folder))
        except OSError:
            continue


def _is_held(folder: Path) -> bool:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False

"""Counters that many processes share, in files keyed by slot instead of process id.

prometheus_client opens files for each process id and never closes them for the dead, so series
and scrape time grow with every recycled gunicorn worker. A slot is used again by the next worker,
which goes on counting in the files of the one before: nothing is lost and nothing grows.
"""

import os
import shutil
import tempfile

from prometheus_client import values
from prometheus_client.multiprocess import mark_process_dead

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

#: What the process writes to: its slot's number, or the master's own name.
_writer = "master"


def enable() -> str:
    """Make a fresh folder and count in it from now on. Call it in the master, before any metric is made.

    The folder lies in `PROMETHEUS_MULTIPROC_DIR` where that is set, else in memory.
    """
    folder = tempfile.mkdtemp(prefix="flask-scale-metrics-", dir=os.environ.get(VARIABLE) or _memory())
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


def remove(folder: str) -> None:
    """Delete the folder when the master ends."""
    shutil.rmtree(folder, ignore_errors=True)


def _memory() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108

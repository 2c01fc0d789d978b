"""Named places where a test makes a process crash, pause, fail or lose an answer. In production each is one `if`.

`FLASK_SCALE_FAILPOINTS` names a folder, and `arm(folder, "claim.after", "crash")` puts a file into it, from any
process and at any time. Of all processes that come to the point one takes the file away and does what it says, so
that each file is one fault. A setting that names no folder, or one that holds anything else, ends the start.

| kind    | what happens at the point |
|---------|---------------------------|
| crash   | SIGKILL of the process |
| pause   | it sleeps for so many seconds, as if it had been stopped |
| error   | `FailpointError`, which nobody expects |
| timeout | what the driver raises without an answer: before an operation it was lost on its way there, after it the operation is done and only its answer is lost |
"""  # noqa: E501 - a table's row

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, get_args

import psycopg2
import redis
from sqlalchemy.exc import OperationalError

from flask_scale.errors import FailpointError, SettingsError

logger = logging.getLogger(__name__)

Kind = Literal["crash", "pause", "error", "timeout"]
KINDS: tuple[Kind, ...] = get_args(Kind)


def _database_timeout() -> Exception:
    return OperationalError("failpoint", None, psycopg2.OperationalError("timeout expired"))


def _broker_timeout() -> Exception:
    return redis.TimeoutError("Timeout reading from socket")


#: Every point, and what its operation raises where no answer comes.
POINTS: Mapping[str, Callable[[], Exception]] = {
    # Enqueue: the job's row, the caller's commit, the hint. A reconciler publishes too.
    "insert.before": _database_timeout,
    "insert.after": _database_timeout,
    "commit.before": _database_timeout,
    "commit.after": _database_timeout,
    "publish.before": _broker_timeout,
    "publish.after": _broker_timeout,
    # An attempt. `effect` is within the handler's transaction, when its rows are written and not committed.
    "claim.before": _database_timeout,
    "claim.after": _database_timeout,
    "effect": _database_timeout,
    "completion.before": _database_timeout,
    "completion.after": _database_timeout,
    # The reconciler, when it has taken jobs and not yet sent their hints.
    "sweep": _database_timeout,
}

_folder: Path | None = None


def use(folder: str | None) -> None:
    """Look into `folder` from now on; None looks nowhere.

    Raises:
        SettingsError: it is no folder, or holds what is no failpoint.
    """
    global _folder
    _folder = _checked(Path(folder)) if folder else None
    if _folder is not None:
        logger.warning("failpoints in %s: this process fails when a test says so; never in production", _folder)


def arm(folder: Path, point: str, kind: Kind, seconds: float = 0.0) -> None:
    """Let the next process that comes to `point` meet one fault; `seconds` is of `pause`.

    Raises:
        FailpointError: there is no such point or kind.
    """
    if point not in POINTS:
        raise FailpointError(f"no failpoint {point!r}; there are {', '.join(POINTS)}")
    if kind not in KINDS:
        raise FailpointError(f"no kind {kind!r}; there are {', '.join(KINDS)}")
    scratch = folder / f".{point}.new"
    scratch.write_text(f"{kind} {seconds}")
    scratch.rename(folder / point)


def armed(folder: Path) -> list[str]:
    """The points that nobody has come to since they were armed."""
    return sorted(file.name for file in folder.iterdir() if not file.name.startswith("."))


def reach(point: str) -> None:
    """Meet what is armed at `point`."""
    if _folder is not None:
        _meet(_folder, point)


def _meet(folder: Path, point: str) -> None:
    taken = folder / f".{point}.{os.getpid()}.{threading.get_ident()}"
    try:
        (folder / point).rename(taken)  # for one process alone
    except FileNotFoundError:
        return
    kind, seconds = taken.read_text().split()
    taken.unlink()
    logger.warning("failpoint %s: %s", point, kind)
    if kind == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    elif kind == "pause":
        time.sleep(float(seconds))
    elif kind == "error":
        raise FailpointError(f"at {point}")
    else:
        raise POINTS[point]()


def _checked(folder: Path) -> Path:
    if not (folder.is_absolute() and folder.is_dir()):
        raise SettingsError(f"FLASK_SCALE_FAILPOINTS={folder}: is for tests of faults alone, and must name a folder")
    if unknown := [name for name in armed(folder) if name not in POINTS]:
        raise SettingsError(f"FLASK_SCALE_FAILPOINTS: no failpoint {unknown[0]!r}; there are {', '.join(POINTS)}")
    return folder

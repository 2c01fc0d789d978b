"""The unprivileged account for servers that refuse root, and folders that it can reach."""

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from flask_scale.errors import DevStackError

#: `nobody` on every common Linux.
NOBODY = 65534

#: Open to all, and kept over a reboot. What is in it is used only where its owner is right.
SHARED = Path("/var/tmp")  # noqa: S108


class PopenArguments(TypedDict, total=False):
    """What `subprocess` needs to run a child as an account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """A user and group that own nothing else."""

    uid: int = NOBODY
    gid: int = NOBODY

    def popen_arguments(self) -> PopenArguments:
        """Run a child as this account alone, without root's groups."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give `path` to the account."""
        os.chown(path, self.uid, self.gid)


def unprivileged() -> Account | None:
    """The account to run as when we are root; None when we are not, and so need none."""
    return Account() if os.geteuid() == 0 else None


def is_reachable(path: Path) -> bool:
    """True where every folder above `path` lets any user through."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents)


def reachable_folder(folder: Path, account: Account | None) -> Path:
    """Make `folder` where `account` can get to it, and return where that is.

    A checkout under a private home is closed to the account: the folder is then made under
    /var/tmp, which outlasts a reboot, and `folder` becomes a link to it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    if account is None or is_reachable(folder):
        folder.mkdir(exist_ok=True)
        return folder.resolve()
    if folder.is_symlink() and folder.exists():
        return folder.resolve()
    mark = hashlib.sha256(os.fsencode(folder.parent.resolve() / folder.name)).hexdigest()[:16]
    elsewhere = _shared_folder() / mark
    _make_open(elsewhere)
    folder.unlink(missing_ok=True)
    folder.symlink_to(elsewhere)
    return elsewhere


@contextmanager
def temporary_folder(account: Account | None) -> Iterator[Path]:
    """A folder that `account` can get to and that is removed at the end."""
    base = Path(tempfile.gettempdir())
    parent = base if account is None or is_reachable(base / "any") else _shared_folder()
    folder = Path(tempfile.mkdtemp(prefix="flask-scale-", dir=parent))
    try:
        if account:
            folder.chmod(0o755)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def reachable_copy(root: Path, names: Sequence[str], label: str, account: Account | None) -> Path:
    """Return `root`, or where `account` cannot read it a copy of its folders `names` called `label`."""
    if account is None or all(is_reachable(root / name / "any") for name in names):
        return root
    copy = _shared_folder() / label
    if not copy.exists():
        fresh = Path(tempfile.mkdtemp(dir=copy.parent))
        for name in names:
            shutil.copytree(root / name, fresh / name, symlinks=True, ignore=shutil.ignore_patterns("*.a", "include"))
        _open_to_all(fresh)
        _rename_unless_there(fresh, copy)
    return copy


def _open_to_all(folder: Path) -> None:
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if runs else 0o644)


def _rename_unless_there(fresh: Path, target: Path) -> None:
    try:
        fresh.rename(target)
    except OSError:
        if not target.exists():
            raise
        shutil.rmtree(fresh)


def _make_open(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)


def _shared_folder() -> Path:
    """A folder of ours that everyone may enter and only we may write.

    Raises:
        DevStackError: somebody else made it first.
    """
    folder = SHARED / f"flask-scale-{os.geteuid()}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o755)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise DevStackError(f"{folder} belongs to another user: remove it")
    folder.chmod(0o755)
    return folder

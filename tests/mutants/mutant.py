"""A safeguard taken away, and what came of it."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).parents[2]

#: pytest's exit codes.
PASSED, FAILED = 0, 1

Outcome = Literal["killed", "survived", "broken"]


@dataclass(frozen=True)
class Edit:
    """A place in a file of the checkout, which must be there just once, and what stands there instead."""

    file: str
    old: str
    new: str

    def apply(self, tree: Path) -> None:
        """Change the file in a copy.

        Raises:
            ValueError: the place is not there, or not alone: the mutant has to follow the code.
        """
        path = tree / self.file
        text = path.read_text()
        if text.count(self.old) != 1:
            raise ValueError(f"{self.file} has {self.old!r} {text.count(self.old)} times, not once")
        path.write_text(text.replace(self.old, self.new))


@dataclass(frozen=True)
class Mutant:
    """One safeguard less. `name` says which."""

    name: str
    edits: Sequence[Edit]
    #: What must fail without it, as arguments of pytest.
    tests: Sequence[str]


def copy_of_checkout(folder: Path) -> Path:
    """What git knows of, or would add, under `folder`; without what ran here."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def run_tests(tree: Path, tests: Sequence[str], options: Sequence[str], log: Path) -> int:
    """pytest's exit code in a copy; what it printed is in `log`."""
    # An editable install of the checkout must not answer for the copy.
    path = "import sys; sys.path[:0] = ['src', '.']; import pytest; sys.exit(pytest.console_main())"
    with log.open("w") as out:
        return subprocess.run(
            [sys.executable, "-c", path, *options, *tests], cwd=tree, stdout=out, stderr=subprocess.STDOUT, check=False
        ).returncode

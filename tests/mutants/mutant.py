"""A safeguard taken away, and what came of it."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]

#: "broken": the tests did not come as far as to say.
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
    #: What the failure says, where a test may fail for other reasons too.
    says: str = ""


@dataclass(frozen=True)
class Judged:
    """What came of a mutant."""

    outcome: Outcome
    seconds: float
    #: What the first test to fail said, or the first that could not be run.
    why: str


def judge(mutant: Mutant, options: Sequence[str], log: Path) -> Judged:
    """Apply a mutant to a copy of the checkout, and run its tests there.

    It is killed where a test itself fails; an error in what a test needs proves nothing.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        tree = copy_of_checkout(Path(folder))
        for edit in mutant.edits:
            edit.apply(tree)
        report = run_tests(tree, mutant.tests, options, log)
    outcome, why = read(report, mutant.says)
    return Judged(outcome, time.monotonic() - began, why)


def read(report: Path, says: str) -> tuple[Outcome, str]:
    """What pytest's XML report says of the tests, and what of the first that did not pass, or not with these words."""
    try:
        cases = ElementTree.parse(report).findall(".//testcase")
    except (OSError, ElementTree.ParseError):
        return "broken", "no test was run"
    errors, failures = ([found for case in cases for found in case.findall(kind)] for kind in ("error", "failure"))
    if not cases or errors or any(case.find("skipped") is not None for case in cases):
        return "broken", _first_line(errors) or "a test was left out"
    others = [found for found in failures if says not in found.get("message", "")]
    if others:
        return "broken", f"another failure: {_first_line(others)}"
    return ("killed" if failures else "survived"), _first_line(failures)


def _first_line(found: Sequence[ElementTree.Element]) -> str:
    lines = found[0].get("message", "").splitlines() if found else []
    return next(iter(lines), "")[:200]


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


def run_tests(tree: Path, tests: Sequence[str], options: Sequence[str], log: Path) -> Path:
    """Run pytest in a copy; what it printed is in `log`. Gives its XML report, beside that."""
    report = log.with_suffix(".xml")
    report.unlink(missing_ok=True)
    # An editable install of the checkout must not answer for the copy, nor in the processes that tests start.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tree / "src"), str(tree)])}
    path = "import sys; sys.path[:0] = ['src', '.']; import pytest; sys.exit(pytest.console_main())"
    command = [sys.executable, "-c", path, *options, f"--junitxml={report}", *tests]
    with log.open("w") as out:
        subprocess.run(command, cwd=tree, env=environment, stdout=out, stderr=subprocess.STDOUT, check=False)
    return report

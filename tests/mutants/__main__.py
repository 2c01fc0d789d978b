"""`python -m tests.mutants chart`: remove each safeguard in turn, and see its tests fail.

Writes results/mutants.json. The exit code is 1 where a mutant survives, or could not be judged.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.load.figures import Results
from tests.mutants import chart
from tests.mutants.mutant import FAILED, PASSED, ROOT, Mutant, Outcome, copy_of_checkout, run_tests

#: Every set: its mutants, and how pytest is called for them.
SETS: Mapping[str, tuple[Sequence[Mutant], Sequence[str]]] = {
    "chart": (chart.MUTANTS, ("-c", "k8s-tests/pytest.ini", "--keep", "-x")),
}

RESULTS = ROOT / "results" / "mutants.json"


@dataclass(frozen=True)
class Judged:
    """What came of a mutant."""

    outcome: Outcome
    seconds: float
    #: What pytest said first of a failure.
    why: str


def judge(mutant: Mutant, options: Sequence[str], logs: Path) -> Judged:
    """Apply a mutant to a copy of the checkout, and run its tests there."""
    began = time.monotonic()
    log = logs / f"{mutant.name.replace(' ', '-')}.log"
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        tree = copy_of_checkout(Path(folder))
        for edit in mutant.edits:
            edit.apply(tree)
        code = run_tests(tree, mutant.tests, options, log)
    outcome: Outcome = "killed" if code == FAILED else "survived" if code == PASSED else "broken"
    return Judged(outcome, time.monotonic() - began, first_error(log))


def first_error(log: Path) -> str:
    """The first line of pytest's own account of an error."""
    lines = (line[2:].strip() for line in log.read_text().splitlines() if line.startswith("E "))
    return next(lines, "")[:200]


def main() -> int:
    """Judge a set's mutants, or those whose names contain a word."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.partition("\n")[0])
    parser.add_argument("set", choices=SETS)
    parser.add_argument("--only", default="", help="a part of the names of those to judge")
    arguments = parser.parse_args()
    mutants, options = SETS[arguments.set]
    chosen = [mutant for mutant in mutants if arguments.only in mutant.name]
    if not chosen:
        parser.error(
            f"no mutant's name contains {arguments.only!r}; there are: {', '.join(one.name for one in mutants)}"
        )
    logs = ROOT / "results" / "mutants"
    logs.mkdir(parents=True, exist_ok=True)
    found = []
    for number, mutant in enumerate(chosen, 1):
        print(f"[{number}/{len(chosen)}] {mutant.name}", flush=True)
        found.append(judge(mutant, options, logs))
        print(f"    {found[-1].outcome} after {found[-1].seconds:.0f} s: {found[-1].why}", flush=True)
        results = Results(RESULTS)
        results.exactly(mutant.name, found[-1].outcome, "outcome", "killed")
        results.write()
    killed = sum(one.outcome == "killed" for one in found)
    print(f"{killed} of {len(found)} killed; logs in {logs.relative_to(ROOT)}")
    return 0 if killed == len(found) else 1


if __name__ == "__main__":
    sys.exit(main())

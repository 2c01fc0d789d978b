"""`python -m tests.mutants library|faults|chart`: remove each safeguard in turn, and see its tests fail.

First the same tests must pass on a copy from which nothing is taken. Writes results/mutants.json. The exit code is
1 where a mutant survives, or could not be judged.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.load.figures import Results
from tests.mutants import chart, faults, library
from tests.mutants.mutant import ROOT, Judged, Mutant, judge

#: Every set: its mutants, and how pytest is called for them.
SETS: Mapping[str, tuple[Sequence[Mutant], Sequence[str]]] = {
    "library": (library.MUTANTS, ("-x", "-p", "no:cacheprovider")),
    "faults": (faults.MUTANTS, ("-x",)),
    "chart": (chart.MUTANTS, ("-c", "k8s-tests/pytest.ini", "--keep", "-x")),
}

RESULTS = ROOT / "results" / "mutants.json"
LOGS = ROOT / "results" / "mutants"


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
    LOGS.mkdir(parents=True, exist_ok=True)
    whole = Mutant(
        f"nothing is taken {arguments.set}", [], list(dict.fromkeys(test for mutant in chosen for test in mutant.tests))
    )
    if shown(whole, options, "").outcome != "survived":
        print(f"The tests must pass before they can judge: see {log_of(whole).relative_to(ROOT)}")
        return 1
    results = Results(RESULTS)
    found = []
    for number, mutant in enumerate(chosen, 1):
        found.append(shown(mutant, options, f"[{number}/{len(chosen)}] "))
        results.exactly(mutant.name, found[-1].outcome, "outcome", "killed")
        results.write()
    killed = sum(one.outcome == "killed" for one in found)
    print(f"{killed} of {len(found)} killed; logs in {LOGS.relative_to(ROOT)}")
    return 0 if killed == len(found) else 1


def shown(mutant: Mutant, options: Sequence[str], number: str) -> Judged:
    """Judge it, and say so."""
    print(f"{number}{mutant.name}", flush=True)
    judged = judge(mutant, options, log_of(mutant))
    print(f"    {judged.outcome} after {judged.seconds:.0f} s: {judged.why}", flush=True)
    return judged


def log_of(mutant: Mutant) -> Path:
    """Where pytest's words about it are kept."""
    return LOGS / f"{mutant.name.replace(' ', '-')}.log"


if __name__ == "__main__":
    sys.exit(main())

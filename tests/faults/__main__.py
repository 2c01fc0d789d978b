"""`python -m tests.faults`: faults on the whole architecture, and what they lost or doubled."""

import random
import sys
from dataclasses import replace
from pathlib import Path

import click

from flask_scale.dev.account import temporary_folder, unprivileged
from tests.faults import keys, stale
from tests.faults.stand import SHORTEST, Stand
from tests.faults.suite import LONG_FORM, SHORT_FORM, Form, play
from tests.load.figures import Results

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results" / "faults.json"

#: Of the long form: each Idempotency-Key is used by 50 callers, and so many attempts are stopped past their lease.
LONG_KEYS = 1_000
LONG_STALE = 1_000

#: Jobs that each of two Celery workers runs at once there.
CONCURRENCY = 12


@click.command()
@click.option("--jobs", type=click.IntRange(10, 100_000), help="How many, about.  [default: 300, long: 10,000]")
@click.option(
    "--seconds", type=click.FloatRange(10, 14_400), help="How long the load lasts.  [default: 100, long: 1,500]"
)
@click.option("--seed", type=int, help="Draws the schedule of faults.  [default: another each time]")
@click.option(
    "--long", "is_long", is_flag=True, help="Production's own times; then 50 callers x 1,000 keys and 1,000 stops."
)
def main(jobs: int | None, seconds: float | None, seed: int | None, is_long: bool) -> None:
    """Do faults to the whole architecture under load, and see that no accepted job is lost or doubled.

    Everything runs on loopback, on free ports, and ends with this command. Writes results/faults.json and .png; the
    history and the logs are in results/faults. The exit code is 1 where a gate does not hold.

    \b
    Example:
      python -m tests.faults --seed 7
      python -m tests.faults --jobs 1000 --seconds 300
      python -m tests.faults --long
    """
    form = LONG_FORM if is_long else SHORT_FORM
    form = replace(form, jobs=jobs or form.jobs, seconds=seconds or form.seconds)
    seed = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    say(f"seed {seed}: {form.jobs} jobs within {form.seconds:g} s, a fault each {form.gaps[0]:g} to {form.gaps[1]:g} s")
    found = [_play(form, seed)]
    if is_long:
        found.append(_promises())
    for results in found:
        results.write()
        for figure in results.figures:
            gate = f"   {figure.gate} {'holds' if figure.holds else 'DOES NOT HOLD'}" if figure.gate else ""
            say(f"{figure.name:<55} {figure.value} {figure.unit}{gate}")
    sys.exit(1 if any(results.failing() for results in found) else 0)


def say(line: str) -> None:
    """To whoever waits for it."""
    print(line, flush=True)


def _play(form: Form, seed: int) -> Results:
    with temporary_folder(unprivileged()) as folder:
        outcome = play(form, seed, folder, RESULTS, say)
    say(str(outcome.verdict))
    return outcome.results(RESULTS)


def _stand(folder: Path) -> Stand:
    return Stand(folder, SHORTEST, WORKER_CONCURRENCY=str(CONCURRENCY))


def _promises() -> Results:
    results = Results(RESULTS)
    with temporary_folder(unprivileged()) as folder, _stand(folder) as stand:
        say(f"{keys.CALLERS} callers x {LONG_KEYS} Idempotency-Keys")
        used = keys.use(stand, LONG_KEYS)
        results.at_most("keys: jobs that were made for none or twice", abs(used.jobs - LONG_KEYS), "jobs", 0)
        results.at_most("keys: answered differently", len(used.differing), "keys", 0)
        say(f"{LONG_STALE} attempts are stopped past their lease")
        stopped = stale.stop(stand, LONG_STALE, at_once=2 * CONCURRENCY, say=say)
        results.at_least("stale: attempts stopped past their lease", stopped.stale, "attempts", LONG_STALE)
        results.at_least("stale: rejected, by the metric", stopped.rejected, "writes", stopped.stale)
        results.at_most("stale: jobs whose effect is not there once", len(stopped.wrong), "jobs", 0)
    return results


if __name__ == "__main__":
    main()

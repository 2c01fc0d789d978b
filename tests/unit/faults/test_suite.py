"""What a run's figures are held against."""

from pathlib import Path

import pytest

from tests.faults.suite import LONG_FORM, RECOVERY_SECONDS, SHORT_FORM, Form, Outcome
from tests.load.checker import KINDS, Finding, Kind, Verdict
from tests.load.generator import Tally
from tests.load.history import History
from tests.load.process import Run


def failing(
    folder: Path,
    form: Form = SHORT_FORM,
    *findings: Finding,
    accepted: int = 20_000,
    recoveries: tuple[float, ...] = (),
) -> list[str]:
    """The names of the figures that do not hold."""
    run = Run(form.plan, History("run", []), Tally())
    outcome = Outcome(form, run, Verdict("run", accepted, findings), recoveries, fenced=0, faults=["worker killed"])
    return [figure.name for figure in outcome.results(folder / "faults.json").failing()]


def test_a_run_that_lost_nothing_holds(tmp_path: Path) -> None:
    assert failing(tmp_path, recoveries=(3.0, 100.0)) == []


@pytest.mark.parametrize("kind", KINDS)
def test_one_finding_of_any_kind_does_not(tmp_path: Path, kind: Kind) -> None:
    assert failing(tmp_path, SHORT_FORM, Finding(kind, "a job")) == [f"faults: {kind}"]


def test_a_run_that_accepted_little_proves_nothing(tmp_path: Path) -> None:
    assert failing(tmp_path, accepted=10) == ["faults: accepted"]


def test_with_productions_times_recovery_is_held_to_its_promise(tmp_path: Path) -> None:
    assert failing(tmp_path, LONG_FORM, recoveries=(30.0, RECOVERY_SECONDS)) == []
    assert failing(tmp_path, LONG_FORM, recoveries=(30.0, RECOVERY_SECONDS + 1)) == [
        "faults (long): kill to next start p99"
    ]


@pytest.mark.parametrize("form", [SHORT_FORM, LONG_FORM])
def test_a_form_asks_for_as_many_jobs_as_it_says(form: Form) -> None:
    shares = form.plan.mix["run_steps"] + form.plan.mix["import_users"]
    assert abs(form.plan.requests * shares - form.jobs) < 0.01 * form.jobs

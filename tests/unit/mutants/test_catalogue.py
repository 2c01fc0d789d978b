"""Mutants follow the code: each edit has its place, each test is there."""

import shutil
from pathlib import Path

import pytest

from tests.mutants.__main__ import SETS
from tests.mutants.mutant import ROOT, Mutant

#: Tests that a class of tests inherits stand here.
CONFORMANCE = [ROOT / f"src/flask_scale/testing/{name}.py" for name in ("jobs", "cache")]

MUTANTS = [pytest.param(mutant, id=mutant.name) for mutants, _ in SETS.values() for mutant in mutants]


@pytest.mark.parametrize("mutant", MUTANTS)
def test_its_edits_have_their_place(mutant: Mutant, tmp_path: Path):
    for edit in mutant.edits:
        (tmp_path / edit.file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / edit.file, tmp_path / edit.file)
    for edit in mutant.edits:
        edit.apply(tmp_path)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_its_tests_exist(mutant: Mutant):
    for test in mutant.tests:
        file, *places = test.partition("[")[0].split("::")
        assert (ROOT / file).is_file()
        text = "".join(path.read_text() for path in [ROOT / file, *CONFORMANCE[: 2 * (len(places) > 1)]])
        assert all(f"def {place}(" in text or f"class {place}" in text for place in places)


def test_no_two_mutants_share_a_figure():
    names = [mutant.values[0].name for mutant in MUTANTS]
    assert len(names) == len(set(names))

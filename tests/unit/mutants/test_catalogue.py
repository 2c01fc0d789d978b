"""Mutants follow the code: each edit has its place, each test is there."""

import shutil
from pathlib import Path

import pytest

from tests.mutants.__main__ import SETS
from tests.mutants.mutant import ROOT, Mutant

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
        file, _, function = test.partition("::")
        assert (ROOT / file).is_file()
        assert not function or f"def {function.partition('[')[0]}(" in (ROOT / file).read_text()

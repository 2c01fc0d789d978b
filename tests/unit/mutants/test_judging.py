"""A mutant is killed by a test that fails, and by nothing else."""

import pytest

from tests.mutants import mutant
from tests.mutants.mutant import Edit, Mutant, judge

TESTS = """
import pytest
from safeguard import on

@pytest.fixture
def needs():
    assert on != "unstarted"

def test_it(needs):
    if on == "elsewhere":
        pytest.skip("not here")
    assert on != "off", "the safeguard is gone"
    assert on != "slow", "timed out"
"""

CASES = {
    "off": ("killed", "AssertionError: the safeguard is gone"),
    "unnoticed": ("survived", ""),
    "slow": ("broken", "another failure: AssertionError: timed out"),
    "unstarted": ("broken", "failed on setup with \"AssertionError: assert 'unstarted' != 'unstarted'\""),
    "elsewhere": ("broken", "a test was left out"),
    "'": ("broken", "collection failure"),
}


@pytest.mark.parametrize("word", CASES)
def test_what_a_mutant_came_to(word, tmp_path, monkeypatch):
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "safeguard.py").write_text("on = 'on'\n")
    (tree / "test_it.py").write_text(TESTS)
    monkeypatch.setattr(mutant, "copy_of_checkout", lambda folder: tree)

    found = judge(
        Mutant("one", [Edit("safeguard.py", "'on'", f"'{word}'")], ["test_it.py"], "gone"), [], tmp_path / "log"
    )

    assert (found.outcome, found.why) == CASES[word]


def test_a_file_of_tests_that_is_not_there_kills_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr(mutant, "copy_of_checkout", lambda folder: tmp_path)
    assert judge(Mutant("one", [], ["test_none.py"]), [], tmp_path / "log").outcome == "broken"

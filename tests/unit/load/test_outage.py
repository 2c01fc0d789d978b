"""What a crash may take, and what it may not."""

import pytest

from tests.load.history import Event
from tests.load.outage import Outage, without_excuse


def event(number, name, due, *, kind="get_user", attempt=1):
    """The outcome of an operation that was due at `due`, a second later."""
    return Event(name, number, kind, at=due + 1.0, clock=due + 1.0, intended=due, attempt=attempt)


@pytest.mark.parametrize(("due", "taken"), [(9.9, False), (10.0, True), (15.0, True), (20.0, True), (20.1, False)])
def test_the_moment_at_which_it_was_due_counts_not_that_of_its_answer(due, taken):
    failed = event(1, "fail", due)
    assert without_excuse([failed], [Outage(10.0, 20.0)]) == ([] if taken else [failed])


def test_one_of_another_kind_or_with_another_outcome_has_no_excuse():
    cut_off, wrong = event(1, "unknown", 5, kind="create_user"), event(2, "shed", 5, kind="create_user")
    get = event(3, "fail", 5)
    outage = Outage(0, 10, events=("fail", "unknown"), kinds={"create_user"})
    assert without_excuse([cut_off, wrong, get], [outage]) == [wrong, get]


def test_what_is_over_the_share_of_those_that_were_due_has_no_excuse():
    served = [event(number, "ok", 5) for number in range(6)]
    failed = [event(number, "fail", 5) for number in range(6, 10)]
    outages = [Outage(0, 10, share=0.3), Outage(20, 30)]
    assert without_excuse([*served, *failed], outages) == failed[3:]
    assert without_excuse([*served, *failed], [*outages, Outage(5, 5)]) == []


def test_further_attempts_and_right_answers_are_no_matter():
    served, again = event(1, "ok", 5), event(2, "fail", 5, attempt=2)
    assert without_excuse([served, again], []) == []

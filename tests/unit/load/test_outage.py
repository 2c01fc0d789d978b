"""What a crash may take, and what it may not."""

import pytest

from tests.load.history import Event
from tests.load.outage import Outage, longest, without_excuse


def event(number, name, due, *, kind="get_user", attempt=1, status=None):
    """The outcome of an operation that was due at `due`, a second later."""
    return Event(name, number, kind, at=due + 1.0, clock=due + 1.0, intended=due, attempt=attempt, status=status)


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


def test_the_share_is_of_its_own_kinds():
    others = [event(number, "ok", 5) for number in range(10)]
    posts = [event(number, "unknown", 5, kind="create_user") for number in range(10, 14)]
    outage = Outage(0, 10, kinds={"create_user"}, share=0.5)
    assert without_excuse([*others, *posts], [outage]) == posts[2:]


@pytest.mark.parametrize(("status", "taken"), [(None, True), (502, True), (500, True), (200, False), (404, False)])
def test_an_answer_that_is_wrong_has_no_excuse(status, taken):
    failed = event(1, "fail", 5, status=status)
    assert without_excuse([failed], [Outage(0, 10)]) == ([] if taken else [failed])


def test_further_attempts_and_right_answers_are_no_matter():
    served, again = event(1, "ok", 5), event(2, "fail", 5, attempt=2)
    assert without_excuse([served, again], []) == []


def test_an_outage_is_as_long_as_from_the_first_that_it_took_to_the_last():
    events = [event(1, "ok", 1), event(2, "fail", 2), event(3, "shed", 6), event(4, "fail", 21), event(5, "fail", 99)]
    outages = [Outage(0, 10), Outage(20, 30), Outage(40, 50)]
    assert longest(events, outages) == pytest.approx(4)
    assert longest(events, outages[1:]) == longest(events, []) == 0

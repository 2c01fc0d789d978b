"""When all is as it was before the peak, by the outcomes of an open loop."""

import math
from collections.abc import Iterator

from benchmarks.growth.overload import recovery
from benchmarks.growth.schedule import Kind, Outcome


def seconds(begin: int, end: int, latency: float, kind: Kind = "served") -> Iterator[Outcome]:
    """Ten requests in each second."""
    for tenth in range(10 * begin, 10 * end):
        yield Outcome(tenth / 10, tenth / 10 + latency, kind)


BEFORE = list(seconds(0, 5, 0.010))
PEAK = list(seconds(5, 10, 3.0))


def test_it_is_the_first_of_three_seconds_as_good_as_the_worst_before() -> None:
    after = [*seconds(10, 14, 0.5), *seconds(14, 20, 0.009)]
    assert recovery([*BEFORE, *PEAK, *after], before=5, end=10) == 4


def test_a_good_second_among_bad_ones_is_no_recovery() -> None:
    after = [*seconds(10, 11, 0.009), *seconds(11, 13, 0.5), *seconds(13, 20, 0.009)]
    assert recovery([*BEFORE, *PEAK, *after], before=5, end=10) == 3


def test_a_second_in_which_any_request_is_refused_is_none() -> None:
    after = [*seconds(10, 20, 0.009), *seconds(10, 12, 0.001, "refused")]
    assert recovery([*BEFORE, *PEAK, *after], before=5, end=10) == 2


def test_what_never_gets_well_takes_for_ever() -> None:
    assert recovery([*BEFORE, *PEAK, *seconds(10, 20, 0.5)], before=5, end=10) == math.inf


def test_there_is_nothing_to_come_back_to_where_requests_failed_before() -> None:
    failing = [*BEFORE, *seconds(2, 3, 0.010, "failed")]
    assert math.isnan(recovery([*failing, *PEAK, *seconds(10, 20, 0.009)], before=5, end=10))

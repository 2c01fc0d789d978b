"""Totals, seconds and percentiles are those of the history; a results file keeps what others wrote."""

import json
import math
from pathlib import Path

import pytest

from tests.load.figures import Results, percentile, run_figures, series, totals
from tests.load.history import Event, History
from tests.unit.load.runs import RUN, event

#: Number 0 is right after 0.5 s, 1 is right at its second attempt, 2 fails, 3 is shed, 4 is never answered.
EVENTS = [
    event("invoke", 0, "read_user", 0.0),
    event("ok", 0, "read_user", 0.5, due=0.0, status=200),
    event("invoke", 1, "create_user", 0.5, emails=("a@load.example.org",)),
    event("unknown", 1, "create_user", 1.5, due=0.5),
    event("ok", 1, "create_user", 2.5, due=0.5, attempt=2, status=201, user=1),
    event("invoke", 2, "read_user", 1.0),
    event("fail", 2, "read_user", 1.1, due=1.0, status=500),
    event("invoke", 3, "read_user", 2.0),
    event("shed", 3, "read_user", 2.1, due=2.0, status=503),
    event("invoke", 4, "create_user", 3.0),
]


def test_an_operation_counts_by_what_its_first_attempt_met() -> None:
    found = totals(History(RUN, EVENTS))
    assert (found.offered, found.ok, found.failed, found.shed, found.unknown) == (5, 1, 1, 1, 1)
    assert (found.resolved, found.unresolved) == (1, 1)
    assert found.by_kind == {"read_user": 3, "create_user": 2}


def test_latency_is_that_of_right_answers_in_milliseconds() -> None:
    assert totals(History(RUN, EVENTS)).latency == pytest.approx((500, 2000, 2000, 2000, 2000))


def test_totals_read_well() -> None:
    assert str(totals(History(RUN, EVENTS))) == (
        "5 offered: 1 ok, 1 failed, 1 shed, 1 unknown, 1 resolved, 1 unresolved; "
        "p50 500.0 ms, p99 2000.0 ms, longest 2000 ms"
    )


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 50), (0.99, 99), (0.999, 100), (1.0, 100)])
def test_a_percentile_is_one_of_the_values(share: float, value: int) -> None:
    assert percentile(range(100, 0, -1), share) == value


def test_of_nothing_there_is_no_percentile() -> None:
    assert math.isnan(percentile([], 0.5))


def test_requests_are_offered_when_due_and_served_when_seen() -> None:
    found = series(History(RUN, EVENTS))
    assert found.begin == pytest.approx(1000.0)
    assert found.times == pytest.approx([1000, 1001, 1002, 1003])
    assert [second.offered for second in found.seconds] == [2, 1, 1, 1]
    assert [second.served for second in found.seconds] == [1, 0, 1, 0]
    assert [second.failed for second in found.seconds] == [0, 1, 0, 0]
    assert [second.unknown for second in found.seconds] == [0, 1, 0, 0]
    assert [second.shed for second in found.seconds] == [0, 0, 1, 0]


def test_the_latencies_of_a_second_are_those_of_requests_due_in_it() -> None:
    first, second, *_ = series(History(RUN, EVENTS)).seconds
    assert (first.p50, first.p99) == pytest.approx((0.5, 2.0))
    assert math.isnan(second.p50)


def test_a_failed_further_attempt_is_not_counted_again() -> None:
    again = event("fail", 2, "create_user", 1.2, attempt=2, status=502)
    assert [second.failed for second in series(History(RUN, [*EVENTS, again])).seconds] == [0, 1, 0, 0]


def test_an_empty_history_has_no_seconds() -> None:
    nothing: list[Event] = []
    assert series(History(RUN, nothing)).seconds == []


def test_results_are_lines_of_name_value_unit_gate_and_holds(tmp_path: Path) -> None:
    results = Results(tmp_path / "results" / "scenes.json")
    results.at_most("recovery", 31.5, "s", 30)
    results.at_least("goodput", 0.95, "share of peak", 0.9)
    results.add("requests", 100, "requests")
    results.write()
    assert json.loads(results.path.read_text()) == [
        {"name": "recovery", "value": 31.5, "unit": "s", "gate": "<= 30", "holds": False},
        {"name": "goodput", "value": 0.95, "unit": "share of peak", "gate": ">= 0.9", "holds": True},
        {"name": "requests", "value": 100, "unit": "requests", "gate": "", "holds": True},
    ]
    assert [figure.name for figure in results.failing()] == ["recovery"]
    assert [file.name for file in results.path.parent.iterdir()] == ["scenes.json"]


def test_figures_of_another_name_are_kept_and_those_of_the_same_replaced(tmp_path: Path) -> None:
    path = tmp_path / "scenes.json"
    for values in ({"one": 1, "two": 2}, {"two": 3, "three": 4}):
        results = Results(path)
        for name, value in values.items():
            results.add(name, value, "")
        results.write()
    assert {line["name"]: line["value"] for line in json.loads(path.read_text())} == {"one": 1, "two": 3, "three": 4}


def test_what_a_run_no_longer_says_can_be_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "scenes.json"
    Results(path).forget("step: ")
    results = Results(path)
    for name in ("step: p99", "step (long): p99", "overload: p99"):
        results.add(name, 1, "ms")
    results.write()
    Results(path).forget("step: ")
    assert [line["name"] for line in json.loads(path.read_text())] == ["step (long): p99", "overload: p99"]


def test_a_value_that_is_no_number_does_not_hold_and_is_null(tmp_path: Path) -> None:
    results = Results(tmp_path / "scenes.json")
    results.at_most("p99", math.nan, "ms", 10)
    results.write()
    (line,) = json.loads(results.path.read_text())
    assert (line["value"], line["holds"]) == (None, False)


def test_every_scene_tells_the_same_of_its_requests(tmp_path: Path) -> None:
    results = Results(tmp_path / "scenes.json")
    run_figures(results, "rollouts", totals(History(RUN, EVENTS)))
    values = {figure.name: figure.value for figure in results.figures}
    assert values["rollouts: requests"] == 5
    assert values["rollouts: latency p99"] == 2000
    failing = [figure.name for figure in results.failing()]
    assert failing == ["rollouts: POSTs of unknown outcome"]

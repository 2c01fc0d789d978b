"""A plan says when each request is due, and stays in its bounds."""

import pytest

from tests.load.plan import DEFAULT_MIX, MAX_RATE, MAX_SECONDS, Plan, Step


def test_requests_are_evenly_spread_over_each_step() -> None:
    plan = Plan([Step(1, 2), Step(2, 0), Step(0.5, 4)])
    assert list(plan.moments()) == [0, 0.5, 3, 3.25]


def test_a_spike_is_a_step_up_and_one_down() -> None:
    plan = Plan.spike(10, times=3, before=2, spike=1, after=2)
    assert plan.steps == [(2, 10), (1, 30), (2, 10)]
    assert plan.requests == 20 + 30 + 20
    assert plan.seconds == 5


def test_no_more_than_max_requests_are_due() -> None:
    assert Plan.steady(100, 10, max_requests=7).requests == 7


def test_three_in_ten_requests_of_the_default_mix_are_posts() -> None:
    posts = sum(DEFAULT_MIX[kind] for kind in ("create_user", "import_users", "repeat"))
    assert posts == pytest.approx(0.3 * sum(DEFAULT_MIX.values()))


@pytest.mark.parametrize(
    ("steps", "options", "what"),
    [
        ([], {}, "a rate must be"),
        ([Step(1, -1)], {}, "a rate must be"),
        ([Step(1, MAX_RATE + 1)], {}, "a rate must be"),
        ([Step(0, 1)], {}, "a plan takes"),
        ([Step(MAX_SECONDS, 1), Step(1, 1)], {}, "a plan takes"),
        ([Step(1, 1)], {"mix": {"delete_user": 1}}, "no such kind: delete_user"),
        ([Step(1, 1)], {"mix": {"read_user": 0}}, "the shares"),
    ],
)
def test_a_plan_out_of_bounds_is_refused_with_the_reason(steps: list[Step], options: dict, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        Plan(steps, **options)

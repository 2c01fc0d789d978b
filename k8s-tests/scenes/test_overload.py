"""More than the pods can take: what is too much is refused at once, and the rest is served."""

from collections.abc import Iterator
from statistics import fmean

import pytest

from support.release import Release
from support.scene import LONG, Play
from support.stage import pause
from tests.load.figures import percentile, series
from tests.load.plan import Plan, Step

pytestmark = [pytest.mark.own_cluster, pytest.mark.timeout(2400)]

#: One pod that is small: its capacity is a known share of this machine.
VALUES = {
    "settings": {"WORKERS": 1, "MAX_IN_FLIGHT": 16},
    "api": {"replicaCount": 1, "resources": {"limits": {"cpu": "300m", "memory": "1Gi"}}},
}

#: Requests a second of the steps by which its capacity is found, and how long each takes. The first of its seconds
#: are the step's before.
RAMP = (30, 40, 50, 60, 80, 130)
STEP_SECONDS = 12
SETTLED_SECONDS = 3

#: Load of half its capacity before and after the overload; after it refusals are to end well before the load does.
CALM_SECONDS = 15
RECOVERY_SECONDS = 30
AFTER_SECONDS = RECOVERY_SECONDS + CALM_SECONDS


@pytest.fixture
def stage(stage: Release) -> Iterator[Release]:
    """The directory with one small API pod."""
    stage.upgrade({**stage.values, **VALUES})
    stage.until_ready("api", 1)
    yield stage
    stage.upgrade()
    stage.until_ready("api", 2)


def test_three_times_the_capacity(play: Play, stage: Release):
    most = capacity(play)
    spike = 60 if LONG else 25
    plan = Plan.spike(most / 2, times=6, before=CALM_SECONDS, spike=spike, after=AFTER_SECONDS, may_shed=True)
    with play("overload", plan) as scene:
        pause(CALM_SECONDS)
        begun = scene.mark("3x the capacity")
        pause(spike)
        ended = scene.mark("half of it")
        scene.wait()
    scene.assert_nothing_failed()
    events = scene.run.history.events
    served = [event for event in events if event.event == "ok" and begun + SETTLED_SECONDS <= event.at < ended]
    shed = sorted(event.latency for event in events if event.event == "shed")
    late = [event.at - ended for event in events if event.event == "shed" and event.at > ended]
    goodput = len(served) / (ended - begun - SETTLED_SECONDS)
    scene.tell("served a second in the overload", goodput, "requests/s")
    scene.at_least("of the most that it can", 100 * goodput / most, "%", 90)
    scene.tell("refused", len(shed), "requests")
    # A pod that has used its share of the CPU stands still for the rest of each 100 ms: a server without a limit of
    # CPU is measured by `make bench-growth`.
    scene.at_most("median time of a refusal", percentile(shed, 0.5), "s", 0.02)
    scene.tell("time of 99 of 100 refusals", percentile(shed, 0.99), "s")
    scene.at_most("last refusal after the overload", max(late, default=0.0), "s", RECOVERY_SECONDS)
    assert goodput > most / 2, "what was not refused was not served either"
    assert shed, "it was no overload"
    assert max(late, default=0.0) < RECOVERY_SECONDS, "it refused on, long after"


def capacity(play: Play) -> float:
    """The most requests a second that the pod serves, by more and more of them."""
    with play("capacity", Plan([Step(STEP_SECONDS, rate) for rate in RAMP], may_shed=True)) as scene:
        scene.wait()
    scene.assert_nothing_failed()
    served = [second.served for second in series(scene.run.history).seconds]
    steps = [served[begin : begin + STEP_SECONDS] for begin in range(0, len(RAMP) * STEP_SECONDS, STEP_SECONDS)]
    means = [fmean(step[SETTLED_SECONDS:]) for step in steps]
    print(f"served a second of {RAMP}: {', '.join(f'{mean:.0f}' for mean in means)}")
    scene.tell("most served a second", max(means), "requests/s")
    return max(means)

"""More than the pods can take: what is too much is refused at once, and the rest is served."""

from collections.abc import Iterator

import pytest

from support.release import Release
from support.scene import LONG, Play
from support.stage import pause
from tests.load.plan import Plan

pytestmark = [pytest.mark.own_cluster, pytest.mark.timeout(2400)]

#: One pod that is small: its capacity is a known share of this machine.
VALUES = {
    "settings": {"WORKERS": 1, "MAX_IN_FLIGHT": 16},
    "api": {"replicaCount": 1, "resources": {"limits": {"cpu": "300m", "memory": "1Gi"}}},
}

#: Requests a second that such a pod serves with room to spare; twice as much fills it, and this six times over.
RATED = 30


@pytest.fixture
def stage(stage: Release) -> Iterator[Release]:
    """The directory with one small API pod."""
    stage.upgrade({**stage.values, **VALUES})
    stage.until_ready("api", 1)
    yield stage
    stage.upgrade()
    stage.until_ready("api", 2)


def test_three_times_the_capacity(play: Play, stage: Release):
    calm, spike = 15, 60 if LONG else 25
    plan = Plan.spike(RATED, times=6, before=calm, spike=spike, after=calm, may_shed=True)
    with play("overload", plan) as scene:
        pause(calm)
        begun = scene.mark("6x")
        pause(spike)
        ended = scene.mark("1x")
        pause(calm)
    scene.assert_nothing_failed()
    events = scene.run.history.events
    served = [event for event in events if event.event == "ok" and begun + 5 <= event.at < ended]
    shed = sorted(event.latency for event in events if event.event == "shed")
    late = [event.at - ended for event in events if event.event == "shed" and event.at > ended]
    scene.tell("served a second in the overload", len(served) / (spike - 5), "requests/s")
    scene.tell("refused", len(shed), "requests")
    scene.tell("median time of a refusal", shed[len(shed) // 2] if shed else None, "s")
    scene.at_most("last refusal after the overload", max(late, default=0.0), "s", 30)
    assert served, "what was not refused was not served either"
    assert shed, "it was no overload"

"""The autoscalers follow real load by themselves, and what they take away fails nobody."""

import json
from collections.abc import Iterator

import pytest

from support.arrival import arrival, metric
from support.directory import Directory, make_key
from support.release import OWN_NGINX, Release
from support.scene import CALM_SECONDS, LONG, Play
from support.stage import pause
from support.waiting import eventually
from tests.load.plan import Plan

pytestmark = [pytest.mark.own_cluster, pytest.mark.timeout(2400)]

#: Requests a second of one API pod that the autoscaler aims at: three times the load wants six pods.
TARGET = 20

#: Jobs in the queue at once, and how many of them a worker is to have before it.
JOBS = 2000 if LONG else 300
DEPTH = 20

VALUES = {
    "settings": {"WORKERS": 1},
    "autoscaling": {"provider": "hpa"},
    "metrics": {"bundled": {"enabled": True}},
    "api": {
        "autoscaling": {"minReplicas": 2, "maxReplicas": 6, "requestsPerSecond": TARGET, "cpuPercent": 0},
        "resources": {"requests": {"cpu": "50m"}},
    },
    "worker": {
        "autoscaling": {"minReplicas": 1, "maxReplicas": 4, "queueDepth": DEPTH, "cpuPercent": 0},
        "resources": {"requests": {"cpu": "50m"}},
    },
}


@pytest.fixture(scope="module")
def stage(release: Release, without_bare: None) -> Iterator[Release]:
    """The directory with autoscalers; only one release of a cluster can bring the custom metrics API."""
    release.upgrade({**release.values, **VALUES})
    eventually(lambda: metric(release, "pods/*/http_requests_per_second"), "the adapter serves", seconds=120)
    eventually(lambda: wanted(release) == {"api": 2, "worker": 1}, "the fewest pods", seconds=600)
    yield release
    release.upgrade()


def wanted(release: Release) -> dict[str, int]:
    """How many pods the autoscalers want, by component."""
    found = json.loads(release.namespace.kubectl("get", "hpa", "-o", "json"))["items"]
    return {item["metadata"]["name"].rpartition("-")[2]: item["status"].get("desiredReplicas", 0) for item in found}


def test_a_step_to_three_times_the_load(play: Play, stage: Release):
    calm, spike = 30, 120 if LONG else 50
    rate = 2 * TARGET * 0.9
    plan = Plan.spike(rate, times=3, before=calm, spike=spike, after=calm, may_shed=True)
    with play("step to 3x", plan) as scene, arrival(stage, over=TARGET) as seen:
        pause(calm)
        step = scene.mark("3x")
        pause(spike)
        stages = seen.stages(step, 3)
        scene.mark("1x")
        pause(calm)
    scene.assert_nothing_failed()
    scene.tell("step until more pods are wanted", scene.watch.first("api wanted", 4, step), "s")
    for name, seconds in stages.items():
        scene.tell(f"step until {name}", seconds, "s")
    ready = scene.watch.first("api ready", 5, step)
    scene.at_most("step until the pods for it are ready", ready, "s", 30)
    assert ready is not None, "the autoscaler brought no pods"


def test_a_queue_of_jobs(play: Play, stage: Release):
    directory = Directory(OWN_NGINX, make_key(stage))
    with play("queue of jobs", Plan.steady(5, 900)) as scene:
        pause(CALM_SECONDS)
        begun = scene.mark(f"{JOBS} jobs")
        jobs = [directory.start_import(200)["id"] for _ in range(JOBS)]
        eventually(lambda: wanted(stage)["worker"] == 4, "as many workers as allowed", seconds=120)
        stage.until_ready("worker", 4)
        scene.mark("4 workers")
        for job in jobs:
            directory.until_succeeded(job, seconds=600)
        scene.mark("done")
        eventually(lambda: wanted(stage)["worker"] == 1, "the fewest workers", seconds=600)
        stage.until_ready("worker", 1)
    scene.assert_nothing_failed()
    ready = scene.watch.first("worker ready", 4, begun)
    scene.at_most("queue until four workers are ready", ready, "s", 30)
